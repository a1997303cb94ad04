/** Password hashes as other servers export them, written in the form that this server stores. */

import { decodeBase64, encodeBase64 } from './format.ts'
import { aspNetPrefix } from './pbkdf2.ts'

/**
 * Converts a password credential of a Keycloak realm export (as JSON), a user of Firebase with the `hash_config` of the
 * project (as JSON), and a bare hash of ASP.NET Identity. Returns any other text without surrounding spaces.
 * `readPasswordHash` checks the result.
 */
export function importedPasswordHash(text: string): string {
  const trimmed = text.trim()
  if (trimmed.startsWith('{"') || /^\{\s/.test(trimmed)) {
    const members = parsed(trimmed)
    return keycloakHash(members) ?? firebaseHash(members, members.hash_config) ?? trimmed
  }
  // The first byte of its base64 is the version: 0 or 1.
  return /^A[A-Q][A-Za-z0-9+/]{30,}={0,2}$/.test(trimmed) ? `${aspNetPrefix}${trimmed}` : trimmed
}

type Members = Readonly<Record<string, unknown>>

const ids: Readonly<Record<string, string>> = {
  pbkdf2: 'pbkdf2-sha1',
  'pbkdf2-sha256': 'pbkdf2-sha256',
  'pbkdf2-sha512': 'pbkdf2-sha512',
}

/**
 * Returns a Keycloak credential in PHC form: `credentialData` and `secretData`, JSON within JSON, or the members
 * `hashedSaltedValue`, `salt`, `hashIterations` and `algorithm` of old versions. Undefined if it is something else.
 */
function keycloakHash(credential: Members): string | undefined {
  const data = parsed(credential.credentialData ?? credential)
  const secret = parsed(credential.secretData ?? credential)
  const text = secret.value ?? secret.hashedSaltedValue
  // Extensions for bcrypt and others store their whole text.
  if (typeof data.algorithm === 'string' && typeof text === 'string' && text.startsWith('$')) return text
  const { algorithm, hashIterations: iterations } = data
  const [salt, key] = [secret.salt, text].map(unpadded)
  if (typeof algorithm !== 'string' || !Number.isSafeInteger(iterations) || !salt || !key) return undefined
  if (Object.hasOwn(ids, algorithm)) return `$${ids[algorithm]}$i=${iterations}$${salt}$${key}`
  if (algorithm !== 'argon2') return undefined
  const { type, version, memory, parallelism } = parsed(data.additionalParameters ?? {})
  const [kind = 'id', number = '1.3', kib, lanes] = [type, version, memory, parallelism].map(firstOf)
  const v = { '1.0': 16, '1.3': 19 }[number]
  if (v === undefined) return undefined
  return `$argon2${kind}$v=${v}$m=${kib},t=${iterations},p=${lanes}$${salt}$${key}`
}

/**
 * Returns the hash of a user of `firebase auth:export`, which needs the parameters of the project that the console shows.
 * Undefined if a member is missing, or if the project uses another algorithm.
 */
function firebaseHash(user: Members, config: unknown): string | undefined {
  const { algorithm, base64_signer_key, base64_salt_separator, rounds, mem_cost } = parsed(config ?? {})
  const isScrypt = algorithm === undefined || algorithm === 'SCRYPT'
  const [salt, key, signerKey, separator] = [
    user.salt,
    user.passwordHash,
    base64_signer_key,
    base64_salt_separator,
  ].map(value => unpadded(plainBase64(value)))
  const isCost = Number.isSafeInteger(rounds) && Number.isSafeInteger(mem_cost)
  if (!isScrypt || !isCost || !salt || !key || !signerKey || !separator) return undefined
  return `$firebase-scrypt$ln=${mem_cost},r=${rounds},ss=${separator},sk=${signerKey}$${salt}$${key}`
}

/** The API of Firebase writes base64url, and its command line base64. */
const plainBase64 = (value: unknown): unknown =>
  typeof value === 'string' ? value.replaceAll('-', '+').replaceAll('_', '/') : value

function parsed(value: unknown): Members {
  try {
    const read: unknown = typeof value === 'string' ? JSON.parse(value) : value
    return typeof read === 'object' && read !== null ? (read as Members) : {}
  } catch {
    return {}
  }
}

const unpadded = (value: unknown): string | undefined => {
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined
  return bytes && encodeBase64(bytes)
}

const firstOf = (value: unknown): string | undefined => {
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' || typeof first === 'number' ? `${first}` : undefined
}
