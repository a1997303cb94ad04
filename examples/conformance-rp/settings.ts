/** The settings of the app, from the environment. Each is described in README.md. */

import type { AuthorizationOptions } from '@tessera/client'

export type Settings = {
  /** The issuer identifier, or an identifier of a user that WebFinger leads from to the issuer. */
  readonly issuer: string | undefined
  readonly resource: string | undefined
  /** Undefined if the app registers itself. */
  readonly client_id: string | undefined
  readonly client_secret: string | undefined
  /** A private key as a JWK. By default, a new one. */
  readonly privateJwk: string | undefined
  readonly authMethod: string
  /** The recipient that client assertions name: `issuer`, `token_endpoint`, or any other text. */
  readonly assertionAudience: string | undefined
  readonly response_type: NonNullable<AuthorizationOptions['response_type']>
  readonly response_mode: AuthorizationOptions['response_mode']
  readonly scope: string
  readonly requestObject: 'none' | 'value' | 'reference'
  readonly requestObjectAlg: 'RS256' | 'none'
  readonly signedUserinfo: boolean
  readonly prompt: string | undefined
  readonly max_age: number | undefined
  /** Whether the app refreshes its tokens before it requests the claims of the user. */
  readonly refresh: boolean
  /** The URL of the app as browsers see it, without a slash at its end. */
  readonly baseUrl: string
  readonly port: number
  /** Files with a certificate and its key, in PEM. */
  readonly tlsCert: string | undefined
  readonly tlsKey: string | undefined
}

export type Environment = Readonly<Record<string, string | undefined>>

export function readSettings(environment: Environment): Settings {
  const port = Number(environment.PORT ?? 5090)
  const settings: Settings = {
    issuer: environment.ISSUER || undefined,
    resource: environment.RESOURCE,
    client_id: environment.CLIENT_ID || undefined,
    client_secret: environment.CLIENT_SECRET,
    privateJwk: environment.PRIVATE_JWK,
    authMethod: environment.CLIENT_AUTH_METHOD ?? 'client_secret_basic',
    assertionAudience: environment.CLIENT_ASSERTION_AUDIENCE,
    response_type: (environment.RESPONSE_TYPE ?? 'code') as Settings['response_type'],
    response_mode: environment.RESPONSE_MODE as Settings['response_mode'],
    scope: environment.SCOPE ?? 'openid profile email address phone',
    requestObject: (environment.REQUEST_OBJECT ?? 'none') as Settings['requestObject'],
    requestObjectAlg: (environment.REQUEST_OBJECT_ALG ?? 'RS256') as Settings['requestObjectAlg'],
    signedUserinfo: environment.SIGNED_USERINFO === '1',
    prompt: environment.PROMPT,
    max_age: environment.MAX_AGE ? Number(environment.MAX_AGE) : undefined,
    refresh: environment.REFRESH === '1',
    baseUrl: environment.BASE_URL ?? `http://127.0.0.1:${port}`,
    port,
    tlsCert: environment.TLS_CERT,
    tlsKey: environment.TLS_KEY,
  }
  if (!settings.issuer && !settings.resource) throw new Error('set ISSUER, or RESOURCE for WebFinger')
  return settings
}
