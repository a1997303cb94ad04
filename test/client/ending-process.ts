/** A program that does one task with the library at the server in its arguments, and prints the result. Nothing ends it. */

import {
  clientCredentials,
  createAuthorizedFetch,
  createClient,
  createIssuer,
  createSession,
  createTokenCache,
  fetchUserinfo,
  introspectToken,
  type Result,
  revokeToken,
  unwrap,
} from '@tessera/client'
import { createApiGuard } from '@tessera/client/api'
import { fileLock, fileStore } from '@tessera/client/node'

const [, , task = '', url = '', folder = ''] = process.argv
const clientOf = (timeout: number) => createClient({ issuer: url, client_id: 'worker', timeout })
/** Longer than the test waits, so that a timer that is left over keeps the program running. */
const timeout = 600
const client = clientOf(timeout)
const call = createAuthorizedFetch(createTokenCache(client).source(), { origins: [url] })
const codeOf = async (result: Promise<Result<unknown>>): Promise<string> => {
  const { ok, ...rest } = await result
  return ok ? 'ok' : (rest as { error: { code: string } }).error.code
}

const tasks: Readonly<Record<string, () => Promise<unknown>>> = {
  token: () => codeOf(clientCredentials(client)),
  call: async () => (await call(`${url}/orders`)).text(),
  redirect: () => codeOf(fetchUserinfo(client, 'token', null)),
  'call-redirect': () => call(`${url}/userinfo`).catch(({ code }) => code),
  large: () => codeOf(introspectToken(client, 'token')),
  silent: () => codeOf(revokeToken(clientOf(0.2), 'token')),
  abort: () => codeOf(revokeToken(client, 'token', { signal: AbortSignal.timeout(100) })),
  async guard() {
    const issuer = createIssuer(url, { timeout })
    const guard = createApiGuard(issuer, { audience: 'urn:api', introspection: { client } })
    const header = (name: string): readonly string[] => (name === 'authorization' ? ['Bearer token'] : [])
    const decision = await guard.requires()({ method: 'GET', url: '/', header })
    return decision.ok || decision.reason
  },
  async session() {
    const session = createSession(client, { lock: fileLock(folder), store: fileStore(`${folder}/tokens`) })
    await session.start({ access_token: 'a', token_type: 'Bearer', refresh_token: 'r', members: {} })
    unwrap(await session.refresh())
    await session.end()
    return 'ok'
  },
}

process.stdout.write(`${await tasks[task]?.()}`)
