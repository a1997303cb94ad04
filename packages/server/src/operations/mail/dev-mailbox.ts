/** Prints emails during development instead of sending them, and keeps them for a page. */

import type { Mail, SendMail } from '../../model/mail.ts'

type DevMailbox = {
  readonly send: SendMail
  /** The newest first. */
  readonly mails: () => readonly Mail[]
}

const most = 50

export function createDevMailbox({ print }: { print: (text: string) => void }): DevMailbox {
  let mails: readonly Mail[] = []
  return {
    async send(mail) {
      mails = [mail, ...mails].slice(0, most)
      print(`\nMail to ${mail.to}: ${mail.subject}\n\n${mail.text}\n\n`)
    },
    mails: () => mails,
  }
}
