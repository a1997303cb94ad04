/** The tests that every runtime runs. They import nothing but the client library, so each file of them is portable. */

import {
  type Client,
  type ClientAuthentication,
  createClient,
  type Jwk,
  noAuthentication,
  type Result,
} from '@tessera/client'

/** The servers that the tests use, and the parts of their configuration that the tests need. */
export type PortableWorld = {
  readonly issuer: string
  /** Where a person with a browser of their own signs in and approves for a test. */
  readonly person: string
  readonly redirect_uri: string
  readonly secret: string
  /** A private key that the server trusts, for assertions of a client and of another issuer. */
  readonly key: Jwk
  readonly trustedIssuer: string
}

export type PortableCase = {
  readonly name: string
  /** Why browsers can't run it: scripts may not read every endpoint of another origin. */
  readonly notInBrowsers?: string
  readonly run: (world: PortableWorld) => Promise<void>
}

/** Throws if the condition does not hold. */
export function expect(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

/** Throws if the values differ. */
export function expectEqual(actual: unknown, expected: unknown, message: string): void {
  expect(actual === expected, `${message}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)
}

/** Returns the kind and the code of an error. */
export const errorOf = (result: Result<unknown>): string =>
  result.ok ? 'no error' : `${result.error.kind} ${result.error.code}`

/** Creates a client of the server. */
export const as = (
  { issuer }: PortableWorld,
  client_id: string,
  authentication: ClientAuthentication = noAuthentication(),
): Client => createClient({ issuer, client_id, authentication })

/** Lets the person open an authorization request; returns the URL that the browser is redirected to. */
export const authorizeAs = async ({ person }: PortableWorld, url: string): Promise<string> =>
  (await fetch(`${person}/authorize?${new URLSearchParams({ url })}`)).text()

/** Lets the person approve a device. */
export const approveDevice = async ({ person }: PortableWorld, url: string): Promise<void> => {
  const response = await fetch(`${person}/device?${new URLSearchParams({ url })}`)
  expect(response.ok, `the device was not approved: ${await response.text()}`)
}
