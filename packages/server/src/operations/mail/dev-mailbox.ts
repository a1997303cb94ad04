/** Mail when developing: it goes nowhere but is printed, and kept for a page. */

import type { Mail, SendMail } from '../../model/mail.ts'

export type Outbox = {
  readonly send: SendMail
  /** The newest first. */
  readonly mails: () => readonly Mail[]
}

const most = 50

export function createOutbox({ print }: { print: (text: string) => void }): Outbox {
  let mails: readonly Mail[] = []
  return {
    async send(mail) {
      mails = [mail, ...mails].slice(0, most)
      print(`\nMail to ${mail.to}: ${mail.subject}\n\n${mail.text}\n\n`)
    },
    mails: () => mails,
  }
}
