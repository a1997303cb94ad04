/** Checks email addresses, and recognizes the mailbox that mail to an address reaches. */

import { domainToASCII, domainToUnicode } from 'node:url'
import { identityKey } from '../model/stored-user.ts'

const form =
  /^[^\s@<>()[\]\\,;:"\p{C}\p{Default_Ignorable_Code_Point}]{1,64}@([^\s@<>()[\]\\,;:"\p{C}]+\.[^\s@.\p{C}]+)$/u

/**
 * Returns whether the text looks like an address (lengths: RFC 5321 §4.5.3.1); only a delivered mail proves that it is one.
 * Addresses are compared in NFKC. Text that NFKC changes is rejected: it could be a different mailbox that compares equal.
 * Mail is delivered to the domain that UTS #46 makes of the text. Text that it changes is rejected too: it would be another
 * spelling of a mailbox that already has one.
 */
export function isEmail(email: string): boolean {
  if (email.length > 254 || email !== email.normalize('NFKC')) return false
  const [, domain] = form.exec(email) ?? []
  if (domain === undefined) return false
  const [typed, ascii] = [identityKey(domain), domainToASCII(domain)]
  return typed === ascii || typed === domainToUnicode(ascii)
}

/** Returns the same text for each address of a mailbox: those whose domain is written in ASCII (RFC 5890 §2.3.2.1), and in Unicode. */
export function mailboxOf(email: string): string {
  const key = identityKey(email)
  const at = key.lastIndexOf('@')
  return at === -1 ? key : key.slice(0, at + 1) + (domainToASCII(key.slice(at + 1)) || key.slice(at + 1))
}
