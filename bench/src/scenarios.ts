/** What is measured: the same work asked of both servers. */

import type { LoadOptions } from './load.ts'
import { type Preparation, parties } from './protocol.ts'
import { codeForm, get, post } from './requests.ts'

export type Paths = { readonly token: string; readonly introspection: string }

export type Scenario = {
  readonly name: string
  readonly prepare?: Preparation
  readonly next: (paths: Paths, prepared: readonly string[]) => LoadOptions['next']
}

export const connections = 64

const always =
  (request: string): LoadOptions['next'] =>
  () =>
    request

const clientCredentials =
  (client: { client_id: string; client_secret: string }, scope: string): Scenario['next'] =>
  ({ token }) =>
    always(post(token, client, `grant_type=client_credentials&scope=${scope}`))

const refreshForm = (token: string): string => `grant_type=refresh_token&refresh_token=${token}`

export const scenarios: readonly Scenario[] = [
  { name: 'client_credentials, JWT ES256', next: clientCredentials(parties.machine, 'api1') },
  { name: 'client_credentials, JWT RS256', next: clientCredentials(parties.machineRs256, 'api2') },
  {
    name: 'code exchange, ID token ES256 + JWT + refresh',
    prepare: { kind: 'codes', count: 40_000 },
    next: ({ token }, codes) => {
      let used = 0
      return () => {
        const code = codes[used++]
        return code === undefined ? undefined : post(token, parties.web, codeForm(code))
      }
    },
  },
  {
    name: 'refresh with rotation, ES256',
    prepare: { kind: 'refresh_tokens', count: connections },
    next:
      ({ token }, tokens) =>
      (connection, lastBody) => {
        const current = lastBody === undefined ? tokens[connection]! : JSON.parse(lastBody).refresh_token
        return post(token, parties.web, refreshForm(current))
      },
  },
  {
    name: 'introspection, opaque token',
    prepare: { kind: 'opaque_token', count: 1 },
    next: ({ introspection }, [token]) => always(post(introspection, parties.web, `token=${token}`)),
  },
  { name: 'discovery', next: () => always(get('/.well-known/openid-configuration')) },
]
