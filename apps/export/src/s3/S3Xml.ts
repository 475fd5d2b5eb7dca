/**
 * The XML of the object store's answers and requests.
 */
import { parseXml, XmlElement } from "@rgrove/parse-xml"
import * as Option from "effect/Option"

/** An element of an answer. */
export interface S3Xml {
  readonly name: string
  /** The text of a child, none if there is no such child. */
  readonly text: (child: string) => Option.Option<string>
  /** The children of a name. */
  readonly all: (child: string) => ReadonlyArray<S3Xml>
}

/**
 * Reads a document; none if it is not well-formed.
 *
 * **Details**
 *
 * Entities that a document defines are not known, and nothing outside of it is read.
 */
export const parse = (bytes: Uint8Array): Option.Option<S3Xml> => {
  try {
    // Stores send white space while they work, some of them before the declaration.
    const { root } = parseXml(new TextDecoder().decode(bytes).trimStart())
    return Option.map(Option.fromNullishOr(root), elementOf)
  } catch {
    // Beside the errors of the parser: a document that is nested too deeply for the stack.
    return Option.none()
  }
}

const elementOf = (element: XmlElement): S3Xml => {
  const all = (child: string) =>
    element.children.filter((node): node is XmlElement => node instanceof XmlElement && localName(node) === child)
  return {
    name: localName(element),
    text: (child) => Option.map(Option.fromNullishOr(all(child)[0]), ({ text }) => text),
    all: (child) => all(child).map(elementOf)
  }
}

const localName = ({ name }: XmlElement): string => name.slice(name.indexOf(":") + 1)

/** A text as it stands between tags. */
export const escape = (text: string): string =>
  text.replace(/[&<>\r]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[char] ?? "&#13;")
