/** Mails as functions from what they say to text and HTML. The template `mail` can be overridden like a page's. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Render } from './templates.ts'
import type { ChooseLanguage, Texts } from './texts.ts'

export type MailKind = keyof Texts['mail']

export type ComposeMail = (
  request: HttpRequest,
  kind: MailKind,
  letter: { readonly to: string; readonly link: string; readonly site: string },
) => Promise<{
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly link: string
}>

export const createMails =
  ({ render, chooseLanguage }: { render: Render; chooseLanguage: ChooseLanguage }): ComposeMail =>
  async (request, kind, { to, link, site }) => {
    const texts = await chooseLanguage(request).language.load()
    const { subject, text, action, note } = texts.mail[kind]
    const letter = { subject: subject(site), text: text(site), action, note }
    return {
      ...{ to, link, subject: letter.subject },
      text: [letter.text, `${action}:\n${link}`, note].join('\n\n'),
      html: await render('mail', { texts, link, ...letter }),
    }
  }
