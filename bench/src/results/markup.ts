/** Escapes text for HTML and SVG. */

export const asText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

const cells = (tag: 'td' | 'th', texts: readonly string[]): string =>
  texts.map(text => `<${tag}${/^[\d–]/.test(text) ? ' class="n"' : ''}>${asText(text)}</${tag}>`).join('')

export const tableOf = (head: readonly string[], body: readonly (readonly string[])[]): string =>
  `<div class="wide"><table><thead><tr>${cells('th', head)}</tr></thead><tbody>${body
    .map(row => `<tr>${cells('td', row)}</tr>`)
    .join('')}</tbody></table></div>`
