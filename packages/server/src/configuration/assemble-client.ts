/** From a client's draft without faults to the client. */

import { createHash } from 'node:crypto'
import type { Client, Secret } from '../model/client.ts'
import { localizedOf } from '../model/client-languages.ts'
import { parseColor } from '../model/color.ts'
import type { MfaPolicy } from '../model/mfa.ts'
import type { ClientDraft } from './schema/client.ts'
import { decode32Bytes, type SecretDraft } from './schema/secret.ts'

export function clientOf(draft: ClientDraft): Client {
  const { client_secrets, grant_types, response_types, scope, mfa, accent_color, ...others } = draft
  const rest = Object.fromEntries(
    Object.entries(others).filter(([key]) => !key.includes('#')),
  ) as typeof others
  const localized = localizedOf(draft)
  const accent = accent_color === undefined ? undefined : parseColor(accent_color)
  return {
    ...rest,
    ...(accent && { accent_color: accent }),
    ...(localized && { localized }),
    client_secrets: client_secrets.map(secretOf),
    ...(mfa && { mfa: definedOf(mfa) }),
    grant_types: new Set(grant_types),
    // RFC 7591 §2: "code" when omitted; not for a client whose grants can't serve it (§2.1).
    response_types: response_types ?? (grant_types.includes('authorization_code') ? ['code'] : []),
    scope: new Set(scope.split(' ').filter(name => name !== '')),
  }
}

export function secretOf({ value, sha256, argon2id, expires_at }: SecretDraft): Secret {
  const end = expires_at === undefined ? {} : { expires_at: Math.floor(Date.parse(expires_at) / 1000) }
  if (argon2id !== undefined) return { kind: 'argon2id', encoded: argon2id, ...end }
  if (sha256 !== undefined) return { kind: 'sha256', hash: decode32Bytes(sha256)!, ...end }
  const hash = createHash('sha256').update(value!, 'utf8').digest()
  return { kind: 'sha256', hash: new Uint8Array(hash), ...end }
}

const definedOf = (mfa: NonNullable<ClientDraft['mfa']>): Partial<MfaPolicy> =>
  Object.fromEntries(Object.entries(mfa).filter(([, value]) => value !== undefined))
