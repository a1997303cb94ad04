/** Pages with a form of named fields, such as sign-up and account changes, and the notices that follow them. */

import type { Page, PageForm, Show } from './render.ts'
import type { Texts } from './texts.ts'

export type FieldName = keyof Texts['fields']['names']
type FieldsKind = keyof Texts['fields']['pages']
type NoticeKind = keyof Texts['fields']['notices']
type LinkKind = keyof Texts['fields']['links']

export type FieldProblem =
  | keyof Texts['fields']['problems']
  | { readonly min_length: number }
  | { readonly waitMinutes: number }

type FieldLink = { readonly to: LinkKind; readonly href: string }

export type FieldsPage = {
  readonly kind: FieldsKind
  readonly form: PageForm
  /** The sealed link from a mail. */
  readonly link?: string
  readonly fields: readonly FieldName[]
  readonly values?: Partial<Readonly<Record<FieldName, string>>>
  /** Shown, but read-only. */
  readonly fixed?: FieldName
  /** The minimum length of a new password. */
  readonly min_length?: number
  readonly problem?: FieldProblem
  /** The URL that the cancel link leads to. */
  readonly cancel?: string
  readonly links?: readonly FieldLink[]
}

export type FieldPages = {
  readonly fields: Page<FieldsPage>
  readonly notice: Page<{ readonly kind: NoticeKind; readonly links?: readonly FieldLink[] }>
  /** The development mailbox. */
  readonly outbox: Page<{
    readonly mails: readonly { to: string; subject: string; text: string; link?: string }[]
  }>
}

type Attributes = {
  readonly type: string
  readonly autocomplete: string
  readonly maxlength: number
  readonly required: boolean
  readonly plain: boolean
}

const text = (autocomplete: string, required = false): Attributes => ({
  type: 'text',
  autocomplete,
  maxlength: 200,
  required,
  plain: autocomplete === 'username',
})
const secret = (autocomplete: string): Attributes => ({
  type: 'password',
  autocomplete,
  maxlength: 512,
  required: true,
  plain: true,
})

const attributes: Readonly<Record<FieldName, Attributes>> = {
  email: { type: 'email', autocomplete: 'email', maxlength: 254, required: true, plain: true },
  username: text('username', true),
  full_name: text('name'),
  given_name: text('given-name'),
  family_name: text('family-name'),
  password: secret('current-password'),
  new_password: secret('new-password'),
}

export const createFieldPages = (show: Show): FieldPages => ({
  fields: (request, { kind, form, link, fields, values = {}, fixed, min_length, ...data }, context = {}) =>
    show(request, 'fields', context, ({ fields: texts }) => ({
      ...texts.pages[kind],
      form,
      carried: Object.entries({ csrf: form.csrf, continue: form.continue, link }).filter(
        ([, value]) => value !== undefined,
      ),
      fields: fields.map(name => ({
        name,
        label: kind === 'forgotten' && name === 'username' ? texts.usernameOrEmail : texts.names[name],
        ...attributes[name],
        value: values[name] ?? '',
        fixed: name === fixed,
        hint: name === 'new_password' && min_length !== undefined && texts.length(min_length),
      })),
      problem: data.problem && problemText(data.problem, texts),
      cancel: data.cancel,
      careful: kind === 'deleteAccount',
      links: linksOf(data.links, texts).map((link, index) => ({
        ...link,
        before: data.links?.[index]?.to === 'signIn' ? texts.haveAccount : '',
      })),
    })),
  notice: (request, { kind, links }, context = {}) =>
    show(request, 'message', context, ({ fields: texts }) => ({
      ...texts.notices[kind],
      sign: signs[kind] ?? 'approved',
      links: linksOf(links, texts),
    })),
  outbox: (request, data, context = {}) =>
    show(request, 'outbox', context, texts => ({ ...data, title: texts.outbox.title })),
})

const signs: Partial<Readonly<Record<NoticeKind, string>>> = { linkInvalid: 'error', notHere: 'neutral' }

const linksOf = (links: readonly FieldLink[] = [], texts: Texts['fields']) =>
  links.map(({ to, href }) => ({ href, text: texts.links[to] }))

function problemText(problem: FieldProblem, { problems, length, tooMany }: Texts['fields']): string {
  if (typeof problem === 'string') return problems[problem]
  return 'min_length' in problem ? length(problem.min_length) : tooMany(problem.waitMinutes)
}
