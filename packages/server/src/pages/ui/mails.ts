/** Composes mails as text and HTML. Operators can override the template `mail`, like those of pages. */

import type { HttpRequest } from '@tessera/protocol/http'
import { type Branding, themesOf } from '../../model/branding.ts'
import type { Render } from './templates.ts'
import type { ChooseLanguage, Texts } from './texts.ts'

/** A change to an account's sign-in methods. */
type SignInChange = keyof Texts['signInMail']['changes']
export type MailKind = keyof Texts['mail'] | SignInChange

/** How many of each can still sign in to the account. */
export type ActiveFactors = Readonly<Record<'totp' | 'passkey' | 'recovery_codes' | 'connections', number>>

type MailData = {
  readonly to: string
  readonly link: string
  readonly site: string
  readonly activeFactors?: ActiveFactors
}

export type ComposeMail = (
  request: HttpRequest,
  kind: MailKind,
  data: MailData,
) => Promise<{
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly link: string
}>

export function createMails({
  render,
  chooseLanguage,
  branding,
}: {
  render: Render
  chooseLanguage: ChooseLanguage
  branding: Branding
}): ComposeMail {
  const colors = themesOf(branding.colors ?? {})

  return async (request, kind, { to, link, site, activeFactors: counts }) => {
    const texts = await chooseLanguage(request).language.load()
    const template = templateOf(texts, kind)
    const { action, note } = template
    const [subject, text] = [template.subject(site), template.text(site)]
    const active = counts && activeFactorsOf(texts, counts)
    const paragraphs = [
      text,
      active && [active.lead, ...active.rows.map(({ name, number }) => `- ${name}: ${number}`)].join('\n'),
      `${action}:\n${link}`,
      note,
    ]
    const brand = branding.name ?? site
    return {
      to,
      link,
      subject,
      text: paragraphs.filter(paragraph => paragraph !== undefined).join('\n\n'),
      html: await render('mail', {
        texts,
        link,
        subject,
        text,
        action,
        note,
        standing: active,
        colors,
        brand,
      }),
    }
  }
}

function templateOf({ mail, signInMail }: Texts, kind: MailKind) {
  if (kind in mail) return mail[kind as keyof Texts['mail']]
  const { subject, changes, action, note } = signInMail
  return { subject, text: changes[kind as SignInChange], action, note }
}

/** Returns undefined if no factor is left. */
function activeFactorsOf({ signInMail: { standing } }: Texts, counts: ActiveFactors) {
  const rows = (['totp', 'passkey', 'recovery_codes', 'connections'] as const)
    .filter(factor => counts[factor] > 0)
    .map(factor => ({ name: standing[factor], number: counts[factor] }))
  return rows.length > 0 ? { lead: standing.lead, rows } : undefined
}
