/** Mails as functions from what they say to text and HTML. The template `mail` can be overridden like a page's. */

import type { HttpRequest } from '@tessera/protocol/http'
import { type Branding, themesOf } from '../../model/branding.ts'
import type { Render } from './templates.ts'
import type { ChooseLanguage, Texts } from './texts.ts'

/** A change of how an account is signed in to. */
export type SignInChange = keyof Texts['signInMail']['changes']
export type MailKind = keyof Texts['mail'] | SignInChange

/** How many of each still open the account. */
export type StandingFactors = Readonly<Record<'totp' | 'passkey' | 'recovery_codes' | 'connections', number>>

export type Letter = {
  readonly to: string
  readonly link: string
  readonly site: string
  readonly standing?: StandingFactors
}

export type ComposeMail = (
  request: HttpRequest,
  kind: MailKind,
  letter: Letter,
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

  return async (request, kind, { to, link, site, standing: counts }) => {
    const texts = await chooseLanguage(request).language.load()
    const { subject, text, action, note } = wordsOf(texts, kind)
    const letter = { subject: subject(site), text: text(site), action, note }
    const standing = counts && standingOf(texts, counts)
    const paragraphs = [
      letter.text,
      standing &&
        [standing.lead, ...standing.rows.map(({ name, number }) => `- ${name}: ${number}`)].join('\n'),
      `${action}:\n${link}`,
      note,
    ]
    return {
      ...{ to, link, subject: letter.subject },
      text: paragraphs.filter(paragraph => paragraph !== undefined).join('\n\n'),
      html: await render('mail', { texts, link, ...letter, standing, colors, brand: branding.name ?? site }),
    }
  }
}

function wordsOf({ mail, signInMail }: Texts, kind: MailKind) {
  if (kind in mail) return mail[kind as keyof Texts['mail']]
  const { subject, changes, action, note } = signInMail
  return { subject, text: changes[kind as SignInChange], action, note }
}

/** Undefined where nothing stands. */
function standingOf({ signInMail: { standing } }: Texts, counts: StandingFactors) {
  const rows = (['totp', 'passkey', 'recovery_codes', 'connections'] as const)
    .filter(factor => counts[factor] > 0)
    .map(factor => ({ name: standing[factor], number: counts[factor] }))
  return rows.length > 0 ? { lead: standing.lead, rows } : undefined
}
