/**
 * XML as S3 writes and reads it.
 */
import { parseXml, XmlElement } from "@rgrove/parse-xml"
import { malformedXml } from "./Failure.ts"

/** What stands in an element: text, or elements by name, each once or many times. */
export type Content = string | number | boolean | { readonly [name: string]: Content | ReadonlyArray<Content> }

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

/** A document of S3. */
export const document = (root: string, content: Content, namespace = NAMESPACE): string => {
  const attribute = namespace === "" ? "" : ` xmlns="${namespace}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${inner(content)}</${root}>`
}

const inner = (content: Content): string =>
  typeof content !== "object"
    ? escape(String(content))
    : Object.entries(content)
        .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((one) => [name, one] as const))
        .map(([name, value]) => `<${name}>${inner(value)}</${name}>`)
        .join("")

const escape = (text: string): string =>
  text.replace(/[&<>"\r]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char] ?? "&#13;")

/** The root of a document that a client sent. */
export const parse = (body: Uint8Array, root: string): XmlElement => {
  let found: XmlElement | null
  try {
    found = parseXml(new TextDecoder().decode(body)).root
  } catch {
    throw malformedXml()
  }
  if (found?.name !== root) throw malformedXml()
  return found
}

/** The elements of a name inside of another. */
export const children = (parent: XmlElement, name: string): ReadonlyArray<XmlElement> =>
  parent.children.filter((node): node is XmlElement => node instanceof XmlElement && node.name === name)

/** The text of the only element of a name. */
export const text = (parent: XmlElement, name: string): string => {
  const [found, ...others] = children(parent, name)
  if (found === undefined || others.length > 0) throw malformedXml()
  return found.text
}
