/** Tables of authorizations, and of the codes, families and tokens that belong to them. */

import type { Seconds } from '@tessera/protocol/brand'
import type {
  Authorization,
  AuthorizationCode,
  DeviceAuthorization,
  GivenAccess,
  ReferenceToken,
  RefreshFamily,
} from '../../model/authorization.ts'
import type { PushedRequest, UsedAssertion } from '../../model/ports/stores.ts'
import { InvalidStoredValue } from '../../runtime/ports.ts'
import { kindProblems, readJson } from './json-columns.ts'
import { tableFor } from './table.ts'

type RevokedToken = { readonly jti: string; readonly expires_at: Seconds }

export const authorizationTables = {
  authorizations: tableFor<Authorization>()({
    name: 'authorizations',
    columns: {
      id: 'text',
      client_id: 'text',
      sub: 'text',
      tenant: 'text',
      sign_in_tenant: 'text',
      sid: 'text',
      scope: 'list',
      resources: 'list',
      idp: 'text',
      amr: 'list',
      acr: 'text',
      auth_time: 'integer',
      signed_in_at: 'integer',
      claims: 'object',
      requested_claims: 'object',
      created_at: 'integer',
      expires_at: 'integer',
      revoked_at: 'integer',
    },
    key: ['id'],
    expiry: { at: ['expires_at'], cleanAt: 'everywhere' },
    archive: { kind: 'authorizations' },
  }),
  codes: tableFor<AuthorizationCode>()({
    name: 'codes',
    columns: {
      hash: 'text',
      authorization_id: 'text',
      redirect_uri: 'text',
      code_challenge: 'text',
      code_challenge_method: 'text',
      nonce: 'text',
      s_hash: 'text',
      dpop_jkt: 'text',
      expires_at: 'integer',
      used_at: 'integer',
    },
    key: ['hash'],
    expiry: { at: ['expires_at'], cleanAt: 'everywhere', keepsUsed: true },
    archive: { kind: 'codes' },
  }),
  devices: tableFor<DeviceAuthorization>()({
    name: 'devices',
    columns: {
      hash: 'text',
      user_code_hash: 'text',
      client_id: 'text',
      scope: 'list',
      resources: 'list',
      status: 'text',
      authorization_id: 'text',
      interval: 'integer',
      last_polled_at: 'integer',
      expires_at: 'integer',
      used_at: 'integer',
    },
    key: ['hash'],
    unique: ['user_code_hash'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'devices' },
  }),
  families: tableFor<RefreshFamily>()({
    name: 'families',
    columns: {
      id: 'text',
      authorization_id: 'text',
      client_id: 'text',
      generation: 'integer',
      scope: 'list',
      access_claims: 'object',
      cnf: 'object',
      created_at: 'integer',
      expires_at: 'integer',
      idle_expires_at: 'integer',
      rotated_at: 'integer',
    },
    key: ['id'],
    expiry: { at: ['expires_at', 'idle_expires_at'], cleanAt: 'everywhere' },
    archive: { kind: 'families' },
  }),
  referenceTokens: tableFor<ReferenceToken>()({
    name: 'reference_tokens',
    columns: {
      hash: 'text',
      authorization_id: 'text',
      client_id: 'text',
      claims: 'object',
      expires_at: 'integer',
    },
    key: ['hash'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'reference_tokens' },
  }),
  revokedTokens: tableFor<RevokedToken>()({
    name: 'revoked_tokens',
    columns: { jti: 'text', expires_at: 'integer' },
    key: ['jti'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'revoked_tokens' },
  }),
  usedAssertions: tableFor<UsedAssertion>()({
    name: 'replays',
    columns: { hash: 'text', expires_at: 'integer' },
    key: ['hash'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'used_assertions' },
  }),
  pushedRequests: tableFor<PushedRequest>()({
    name: 'pushed_requests',
    columns: {
      hash: 'text',
      client_id: 'text',
      parameters: 'text',
      expires_at: 'integer',
    },
    key: ['hash'],
    expiry: { at: ['expires_at'] },
    archive: { kind: 'pushed_requests' },
  }),
}

function listOf(column: string, text: unknown): readonly string[] {
  const list = readJson(text, 'list')
  if (list === undefined) throw new InvalidStoredValue(column, kindProblems.list)
  return list as readonly string[]
}

/** Reads client, both tenants, scope, resources and the three times of `GivenAccess`, in this order. */
export function accessOfRow(row: readonly unknown[]): GivenAccess {
  const [client_id, tenant, sign_in_tenant, scope, resources, since, created_at, used_at] = row
  return {
    client_id: client_id as string,
    ...(tenant !== null && { tenant: tenant as string }),
    ...(sign_in_tenant !== null && { sign_in_tenant: sign_in_tenant as string }),
    scope: listOf('authorizations.scope', scope),
    resources: listOf('authorizations.resources', resources),
    since: since as Seconds,
    created_at: created_at as Seconds,
    used_at: used_at as Seconds,
  }
}
