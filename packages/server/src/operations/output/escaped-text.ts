/** Escapes characters that a terminal would follow, or that hide what a text says. */

const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
const unescapedInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const escapedCharacter = (found: string): string => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Escapes control characters, also those that only change the direction of text. */
export const escaped = (text: string): string => text.replace(controls, escapedCharacter)

/** Escapes the same characters except line feeds, for texts of several lines. */
export const escapedLines = (text: string): string =>
  text.replace(controls, found => (found === '\n' ? found : escapedCharacter(found)))

/** Escapes the same characters in a line of JSON, which has the same meaning. JSON contains no unescaped U+0000 to U+001F. */
export const escapedJson = (json: string): string => json.replace(unescapedInJson, escapedCharacter)
