/** What a client says about itself that can't be so (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2). */

import { type Draft, type Entry, faultAt } from '../draft.ts'
import type { Fault } from '../fault.ts'
import type { ClientDraft } from '../schema/client.ts'

export type Client = Entry<ClientDraft>
export type Rule = (client: Client, draft: Draft) => readonly Fault[]

export const has = (client: Client, grant: string): boolean =>
  !client.damaged.has('grant_types') && client.value.grant_types.includes(grant)

const oneSourceOfKeys: Rule = client =>
  client.value.jwks !== undefined && client.value.jwks_uri !== undefined
    ? faultAt(client, 'jwks_uri', {
        problem: 'the client has jwks too',
        expected: 'one of jwks and jwks_uri (RFC 7591 §2)',
        fix: 'remove one of the two',
      })
    : []

/** OpenID Connect Dynamic Client Registration 1.0 §2: a native application may have any that may be registered. */
const applicationType: Rule = client => {
  const { application_type: type, redirect_uris } = client.value
  if (type !== 'web') return []
  return redirect_uris.flatMap((uri, index) => {
    const fault = webFault(uri, has(client, 'implicit'))
    return fault ? faultAt(client, 'redirect_uris', fault, index) : []
  })
}

function webFault(uri: string, implicit: boolean): Omit<Fault, 'path' | 'subject'> | undefined {
  const { protocol, hostname } = new URL(uri)
  const fits = implicit ? protocol === 'https:' && hostname !== 'localhost' : /^https?:$/.test(protocol)
  if (fits) return undefined
  return {
    problem: implicit
      ? 'it is not https on a host of its own, and the client has the implicit grant'
      : 'it is no web address',
    expected: 'an https URI for application_type "web"',
    fix: 'use https, or register "application_type": "native" for an application on a device',
  }
}

export const metadataRules: readonly Rule[] = [oneSourceOfKeys, applicationType]
