/** The forms of a page, each separately: hidden fields, fields that a user fills in, and buttons. */

export type FormOnPage = {
  readonly action: string
  /** Fields of type hidden. */
  readonly hidden: Readonly<Record<string, string>>
  /** Names of the visible fields. */
  readonly seen: readonly string[]
  readonly buttons: readonly string[]
}

export const formsOf = (html: string): readonly FormOnPage[] =>
  [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, attributes = '', inside = '']) => {
    const inputs = tagsOf(inside, 'input')
    const isHidden = (input: string) => read(input, 'type') === 'hidden'
    return {
      action: read(attributes, 'action'),
      hidden: Object.fromEntries(
        inputs.filter(isHidden).map(input => [read(input, 'name'), read(input, 'value')]),
      ),
      seen: inputs.filter(input => !isHidden(input)).map(input => read(input, 'name')),
      buttons: tagsOf(inside, 'button').map(button => read(button, 'value')),
    }
  })

const tagsOf = (html: string, tag: string): readonly string[] =>
  [...html.matchAll(new RegExp(`<${tag}\\b([^>]*)>`, 'g'))].map(([, attributes = '']) => attributes)

const read = (attributes: string, name: string): string =>
  (new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1] ?? '').replaceAll(
    /&(amp|lt|gt|quot|#39);/g,
    (_, entity: string) => entities[entity] ?? '',
  )

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
