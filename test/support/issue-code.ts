/** Puts codes and approved device codes into the store as the pages do after a sign-in, for tests of the token endpoint alone. */

import { hash } from 'node:crypto'
import type {
  Authorization,
  AuthorizationCode,
  AuthorizationId,
} from '../../packages/server/src/model/authorization.ts'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { signedIn } from '../contracts/stores/samples.ts'
import type { TestServer } from './tessera.ts'

export const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
export const challenge = hash('sha256', verifier, 'base64url')
export const redirectUri = 'https://app.example/cb'

let count = 0

const authorizationOf = (server: TestServer, given: Partial<Authorization>): Authorization => ({
  id: `authorization-${++count}` as AuthorizationId,
  client_id: 'web',
  sub: '88421113',
  sid: 'session-1',
  scope: ['api1', 'openid'],
  resources: [],
  idp: 'local',
  amr: ['pwd'],
  auth_time: server.clock.now() - 10,
  created_at: server.clock.now(),
  expires_at: server.clock.now() + 3_000_000,
  ...given,
})

/** Returns the code. */
export async function issueCode(
  server: TestServer,
  authorization: Partial<Authorization> = {},
  code: Partial<AuthorizationCode> = {},
): Promise<string> {
  const parent = authorizationOf(server, authorization)
  const value = `tc_test${count}`
  await server.stores.codes.issue(parent, {
    hash: hashHandle(value),
    authorization_id: parent.id,
    redirect_uri: redirectUri,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    expires_at: server.clock.now() + 300,
    ...code,
  })
  return value
}

/** Approves (or denies) what `/device` would show for this user code. */
export const approveDevice = async (
  server: TestServer,
  userCodeHash: Parameters<TestServer['stores']['devices']['approve']>[0],
  authorization: Partial<Authorization>,
): Promise<boolean> =>
  server.stores.devices.approve(
    userCodeHash,
    authorizationOf(server, { client_id: 'device', ...authorization }),
    server.clock.now(),
    await signedIn(server.stores),
  )
