import {
  type AuthorizationOptions,
  authorizationCode,
  type Client,
  createAuthorizationRequest,
  createSession,
  endSessionUrl,
  fetchUserinfo,
  type UserTokens,
  unwrap,
  validateAuthorizationResponse,
} from '@tessera/client'
import {
  as,
  authorizeAs,
  errorOf,
  expect,
  expectEqual,
  type PortableCase,
  type PortableWorld,
} from './case.ts'

const requestFor = async (
  world: PortableWorld,
  client: Client,
  options: Partial<AuthorizationOptions> = {},
) =>
  unwrap(
    await createAuthorizationRequest(client, {
      redirect_uri: world.redirect_uri,
      scope: 'openid profile api1 offline_access',
      ...options,
    }),
  )

/** Signs the person in and exchanges the code. */
export async function signIn(
  world: PortableWorld,
  client: Client,
  options: Partial<AuthorizationOptions> = {},
): Promise<UserTokens> {
  const { url, pending } = await requestFor(world, client, options)
  const response = unwrap(await validateAuthorizationResponse(client, await authorizeAs(world, url), pending))
  const { code_verifier = '', redirect_uri, nonce } = pending
  return unwrap(
    await authorizationCode(client, { code: response.code ?? '', code_verifier, redirect_uri, nonce }),
  )
}

export const authorizationCases: readonly PortableCase[] = [
  {
    name: 'authorization code with PKCE: the claims of the ID token, and userinfo',
    async run(world) {
      const client = as(world, 'app')
      const { claims, access_token } = await signIn(world, client)
      expectEqual(claims?.sub, '88421113', 'sub')
      const userinfo = unwrap(await fetchUserinfo(client, access_token, '88421113'))
      expectEqual(userinfo.name, 'Bob', 'name')
      expectEqual(errorOf(await fetchUserinfo(client, access_token, 'x')), 'invalid sub_mismatch', 'error')
    },
  },
  {
    name: 'a pushed authorization request shows nothing in the URL',
    async run(world) {
      const client = as(world, 'app')
      const { url } = await requestFor(world, client, { pushed: true })
      expectEqual(
        [...new URL(url).searchParams.keys()].toSorted().join(),
        'client_id,request_uri',
        'parameters',
      )
      expectEqual((await signIn(world, client, { pushed: true })).claims?.sub, '88421113', 'sub')
    },
  },
  {
    name: 'an authorization response with another state or issuer is refused',
    async run(world) {
      const client = as(world, 'app')
      const { pending } = await requestFor(world, client)
      const { redirect_uri, issuer } = world
      const forged = new URLSearchParams({ code: 'c', state: 'x', iss: issuer })
      const state = await validateAuthorizationResponse(client, `${redirect_uri}?${forged}`, pending)
      expectEqual(errorOf(state), 'invalid state_mismatch', 'error')
      const mixedUp = new URLSearchParams({ code: 'c', state: pending.state, iss: 'https://x.example' })
      const sender = await validateAuthorizationResponse(client, `${redirect_uri}?${mixedUp}`, pending)
      expectEqual(errorOf(sender), 'invalid issuer_mismatch', 'error')
    },
  },
  {
    name: 'a session refreshes its tokens once for callers at the same time',
    async run(world) {
      const client = as(world, 'app')
      const session = createSession(client)
      const { access_token } = await session.start(await signIn(world, client))
      const [one, other] = await Promise.all([session.renew(access_token), session.renew(access_token)])
      expect(unwrap(one).access_token !== access_token, 'the tokens were not refreshed')
      expectEqual(unwrap(one).access_token, unwrap(other).access_token, 'access_token')
    },
  },
  {
    name: 'the URL that signs out has the ID token and a state',
    async run(world) {
      const client = as(world, 'app')
      const { id_token = '' } = await signIn(world, client)
      const post_logout_redirect_uri = 'https://app.example/bye'
      const { url, state } = unwrap(
        await endSessionUrl(client, { id_token_hint: id_token, post_logout_redirect_uri }),
      )
      const { searchParams } = new URL(url)
      expectEqual(searchParams.get('id_token_hint'), id_token, 'id_token_hint')
      expectEqual(searchParams.get('state'), state, 'state')
    },
  },
]
