/** Tables of stored users, second factors, waiting mails and counted attempts. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Passkey, TotpSecret } from '../../model/factor.ts'
import type { WaitingMail } from '../../model/mail.ts'
import type { Erasure } from '../../model/ports/stores.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { tableFor } from './table.ts'

type RecoveryCode = { readonly sub: string; readonly hash: TokenHash }
type AttemptCounter = { readonly hash: TokenHash; readonly count: number; readonly expires_at: Seconds }

export const userTables = {
  storedUsers: tableFor<StoredUser>()({
    name: 'stored_users',
    columns: {
      sub: 'text',
      version: 'integer',
      epoch: 'integer',
      username: 'text',
      username_key: 'text',
      tenant: 'text',
      email: 'text',
      email_key: 'text',
      email_verified_at: 'integer',
      claims: 'object',
      password: 'text',
      password_changed_at: 'integer',
      created_at: 'integer',
      disabled_at: 'integer',
    },
    key: ['sub'],
    archive: { kind: 'stored_users', addable: true, unsealed: true },
    passwordHashes: ['password'],
  }),
  totpSecrets: tableFor<TotpSecret>()({
    name: 'totp_secrets',
    columns: {
      sub: 'text',
      sealed: 'bytes',
      last_step: 'integer',
      created_at: 'integer',
    },
    key: ['sub'],
    archive: { kind: 'totp_secrets', addable: true },
  }),
  recoveryCodes: tableFor<RecoveryCode>()({
    name: 'recovery_codes',
    columns: { sub: 'text', hash: 'text' },
    key: ['sub', 'hash'],
    indexed: ['sub'],
    archive: { kind: 'recovery_codes' },
  }),
  passkeys: tableFor<Passkey>()({
    name: 'passkeys',
    columns: {
      id: 'text',
      sub: 'text',
      public_key: 'bytes',
      counter: 'integer',
      transports: 'list',
      backup_eligible: 'flag',
      backed_up: 'flag',
      name: 'text',
      created_at: 'integer',
      last_used_at: 'integer',
    },
    key: ['id'],
    placed: true,
    archive: { kind: 'passkeys', addable: true, unsealed: true },
  }),
  erasures: tableFor<Erasure>()({
    name: 'erasures',
    columns: { sub: 'text', erased_at: 'integer', finish_at: 'integer', returned_at: 'integer' },
    key: ['sub'],
    archive: { kind: 'erasures' },
  }),
  waitingMails: tableFor<WaitingMail>()({
    name: 'waiting_mails',
    columns: {
      id: 'text',
      sealed: 'bytes',
      attempts: 'integer',
      due_at: 'integer',
      expires_at: 'integer',
    },
    key: ['id'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'waiting_mails' },
  }),
  attempts: tableFor<AttemptCounter>()({
    name: 'attempts',
    columns: { hash: 'text', count: 'integer', expires_at: 'integer' },
    key: ['hash'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'attempts' },
  }),
}
