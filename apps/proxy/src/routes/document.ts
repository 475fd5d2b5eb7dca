/**
 * A text that is served as it is: compressed once for each coding, with a tag.
 */
import * as CachedResponse from "../cache/CachedResponse.ts"
import { CodedForms } from "../cache/CodedForms.ts"
import { Prepared } from "../cache/Prepared.ts"
import { sendBody, type Sending } from "../cache/sendBody.ts"
import type { Exchange } from "../http/Exchange.ts"

/** Makes what sends a text that all may see, with the policy that browsers hold it to. */
export const document = (text: string, contentType: string, policy: string): ((exchange: Exchange) => void) => {
  const sending: Sending = {
    body: Buffer.from(text),
    prepared: new Prepared(CachedResponse.etagOf(Buffer.from(text)), contentType, [
      "cache-control",
      "no-cache",
      "content-security-policy",
      policy,
      "referrer-policy",
      "no-referrer",
      "vary",
      "accept-encoding, origin"
    ]),
    forms: new CodedForms(),
    // There are few of them.
    keep: () => true,
    isLong: true
  }
  return (exchange: Exchange): void =>
    sendBody(exchange, exchange.wish.isFixed ? { ...sending, forms: undefined } : sending)
}
