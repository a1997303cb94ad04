/** Reads the form and the text of a page like a browser without scripts. Supports only the pages of this server. */

export type PageForm = {
  readonly action: string
  /** All fields except checkboxes. */
  readonly fields: Readonly<Record<string, string>>
  /** Checked boxes that can be cleared, by name. */
  readonly ticked: Readonly<Record<string, readonly string[]>>
}

const tag = /<(form|input)\b([^>]*)>/g

/** Returns the main form of a page; undefined if it has none. */
export function readPageForm(page: string): PageForm | undefined {
  let action: string | undefined
  const fields: Record<string, string> = {}
  const ticked: Record<string, string[]> = {}
  for (const [, element, attributes = ''] of mainOf(page).matchAll(tag)) {
    const read = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1]
    if (element === 'form') action ??= unescapeHtml(read('action') ?? '')
    else if (read('type') === 'checkbox') {
      if (!/ checked\b/.test(attributes) || / disabled\b/.test(attributes)) continue
      const name = read('name') ?? ''
      ticked[name] = [...(ticked[name] ?? []), unescapeHtml(read('value') ?? 'on')]
    } else fields[read('name') ?? ''] = unescapeHtml(read('value') ?? '')
  }
  return action === undefined ? undefined : { action, fields, ticked }
}

/** Returns the text between the tags. */
export const readPageText = (page: string): string =>
  unescapeHtml(page.replaceAll(/<(script|title|svg)[\s\S]*?<\/\1>/g, ' ').replaceAll(/<[^>]*>/g, ' '))
    .replaceAll(/\s+/g, ' ')
    .trim()

/** Besides the page's own form, there may be the sign-out form of the page frame. */
const mainOf = (page: string): string => /<main[\s\S]*<\/main>/.exec(page)?.[0] ?? page

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

export const unescapeHtml = (text: string): string =>
  text.replaceAll(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name] ?? '')
