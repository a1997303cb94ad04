/** User names within LDAP filters and distinguished names, where no character of theirs means anything (RFC 4515 §3, RFC 4514 §2.4). */

const slot = '{username}'

/** Only for characters of ASCII, each of which is one byte. */
const hex = (character: string): string => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`

/** Returns the filter with the name in place of `{username}`. RFC 4515 §3: all but five characters stay as they are. */
export const filterFor = (template: string, username: string): string =>
  template.replaceAll(slot, () => username.replaceAll(/[\0()*\\]/g, hex))

/**
 * Returns the DN (or, without `=`, another name that the directory binds) with the name in place of `{username}`; undefined
 * for a name that no such template can hold.
 */
export function bindNameFor(template: string, username: string): string | undefined {
  if (!template.includes('=')) {
    // Nothing that could name another domain or begin a DN.
    return /^[\p{L}\p{M}\p{N}_.-]+$/u.test(username) ? template.replaceAll(slot, () => username) : undefined
  }
  const escaped = username.replaceAll(/[\0"+,;<=>\\#]|^ | $/g, hex)
  return template.replaceAll(slot, () => escaped)
}
