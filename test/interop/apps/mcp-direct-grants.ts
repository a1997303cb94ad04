/** Grants without a sign-in at the MCP server's authorization server, by extensions of MCP's authorization. */

import {
  type AccessToken,
  type ApiFetch,
  type AsymmetricAlgorithm,
  type Client,
  challengeOf,
  clientCredentials,
  clientSecretBasic,
  createAuthorizedFetch,
  createClient,
  discoverResource,
  exchangeToken,
  jwtBearer,
  privateKeyJwt,
  type Result,
  tokenTypes,
  unwrap,
} from '@tessera/client'

type Context = Readonly<Record<string, string>>
type Place = { readonly issuer: string; readonly resource: string; readonly scope: string | undefined }

/** By the scenario that needs it: the client, and its token. */
const grants: Readonly<
  Record<string, (context: Context, place: Place) => Promise<readonly [Client, Result<AccessToken>]>>
> = {
  async 'auth/client-credentials-basic'({ client_id = '', client_secret = '' }, { issuer, resource, scope }) {
    const client = createClient({ issuer, client_id, authentication: clientSecretBasic(client_secret) })
    return [client, await clientCredentials(client, { resource, scope })]
  },
  async 'auth/client-credentials-jwt'(context, { issuer, resource, scope }) {
    const { client_id = '', private_key_pem = '', signing_algorithm: alg = 'ES256' } = context
    const client = createClient({
      issuer,
      client_id,
      authentication: privateKeyJwt(private_key_pem, { alg: alg as AsymmetricAlgorithm }),
    })
    return [client, await clientCredentials(client, { resource, scope })]
  },
  async 'auth/wif-jwt-bearer'({ client_id = '', valid_jwt = '' }, { issuer, resource, scope }) {
    const client = createClient({ issuer, client_id })
    return [client, await jwtBearer(client, valid_jwt, { resource, scope })]
  },
  /** The identity provider vouches for its user at the server (draft-ietf-oauth-identity-assertion-authz-grant). */
  async 'auth/enterprise-managed-authorization'(context, { issuer, resource, scope }) {
    const { client_id = '', client_secret = '', idp_client_id = '', idp_id_token = '' } = context
    const { idp_issuer = '', idp_token_endpoint: token_endpoint = '' } = context
    const metadata = { issuer: idp_issuer, token_endpoint }
    const provider = createClient({ issuer: idp_issuer, metadata, client_id: idp_client_id })
    const exchange = {
      subject_token: idp_id_token,
      subject_token_type: tokenTypes.idToken,
      requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
    } as const
    const assertion = unwrap(await exchangeToken(provider, exchange, { audience: issuer, resource }))
    const client = createClient({ issuer, client_id, authentication: clientSecretBasic(client_secret) })
    return [client, await jwtBearer(client, assertion.access_token, { resource, scope })]
  },
}

/** Finds the authorization server of an MCP server (RFC 9728). */
export async function findServer(url: string): Promise<Place> {
  const challenge = challengeOf(await fetch(url, { method: 'POST' }))
  const found = unwrap(await discoverResource(url, { metadataUrl: challenge?.resource_metadata }))
  const { authorization_servers, resource, scopes_supported } = found
  return { issuer: authorization_servers[0], resource, scope: scopes_supported?.join(' ') }
}

/** Returns a `fetch` with the token of a direct grant; undefined if the scenario has none. */
export async function directFetch(
  scenario: string,
  server: string,
  context: Context,
): Promise<ApiFetch | undefined> {
  const grant = grants[scenario]
  if (!grant) return undefined
  const [client, token] = await grant(context, await findServer(server))
  // The token of a program that ends at once is not renewed.
  const accessToken = async () => token
  return createAuthorizedFetch({ client, accessToken, renew: accessToken }, { origins: [server] })
}
