/**
 * Elements of the page. Text is only ever set as text.
 */

/** The element of an id, which the page has. */
export const byId = <E extends HTMLElement = HTMLElement>(id: string): E => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no element ${id}`)
  return found as E
}

/** Sets the text of an element where it changes, so that a screen reader says it once. */
export const say = (id: string, text: string): void => {
  const element = byId(id)
  if (element.textContent !== text) element.textContent = text
}

/** Makes an element with attributes that are not from elsewhere, and children; text becomes a text node. */
export const make = <Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...children: ReadonlyArray<Node | string>
): HTMLElementTagNameMap[Name] => {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  element.append(...children)
  return element
}
