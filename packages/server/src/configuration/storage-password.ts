/** The password of a database whose address is in a file. It is read again for each new connection, so it can be rotated. */

import { readSecretFile } from './secrets.ts'

/** @param address the content of the file at startup. Returns undefined if it has no password, which pg then looks up. */
export function storagePassword(file: string, address: string): (() => Promise<string>) | undefined {
  let password = passwordOf(address)
  if (password === '') return undefined
  return async () => {
    const reading = readSecretFile(file)
    // Another database requires a restart, and a file that can't be read changes nothing.
    if (reading.ok && withoutPassword(reading.text) === withoutPassword(address))
      password = passwordOf(reading.text)
    return password
  }
}

/** Returns the password of an address that doesn't change; undefined if it has none. */
export const fixedPassword = (address: string): (() => Promise<string>) | undefined => {
  const password = passwordOf(address)
  return password === '' ? undefined : async () => password
}

/** Returns the address as far as connections that are open depend on it. */
export function withoutPassword(address: string): string {
  const url = URL.parse(address)
  if (!url) return address
  url.password = ''
  return url.href
}

function passwordOf(address: string): string {
  const { password = '' } = URL.parse(address) ?? {}
  try {
    return decodeURIComponent(password)
  } catch {
    return password
  }
}
