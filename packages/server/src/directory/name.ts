/** User names within LDAP filters and distinguished names, where no character of theirs means anything (RFC 4515 §3, RFC 4514 §2.4). */

const slot = '{username}'

const hex = (character: string): string =>
  [...Buffer.from(character, 'utf8')].map(byte => `\\${byte.toString(16).padStart(2, '0')}`).join('')

/** The filter with the name in place of `{username}`. */
export const filterFor = (template: string, username: string): string =>
  template.replaceAll(slot, () => username.replaceAll(/[\0()*\\]|[^\x20-\x7E]/gu, hex))

/**
 * The DN (or, without `=`, another name that the directory binds) with the name in place of `{username}`; undefined for
 * a name that no such template can hold.
 */
export function bindNameFor(template: string, username: string): string | undefined {
  if (!template.includes('=')) {
    return /^[\w.-]+$/.test(username) ? template.replaceAll(slot, () => username) : undefined
  }
  const escaped = username.replaceAll(/[\0"+,;<=>\\#]|^ | $/g, hex)
  return template.replaceAll(slot, () => escaped)
}
