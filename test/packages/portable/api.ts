import {
  challengeOf,
  clientSecretBasic,
  createAuthorizedFetch,
  createClient,
  createTokenCache,
  unwrap,
} from '@tessera/client'
import { createApiGuard, dpopScheme } from '@tessera/client/api'
import { fetchGuard } from '@tessera/client/api/fetch'
import { createDpop, type DpopAlgorithm, generateDpopKey } from '@tessera/client/dpop'
import { as, expect, expectEqual, type PortableCase, type PortableWorld } from './case.ts'

const api = 'https://api.example'

/** An API that runs in this program. */
const startApi = ({ issuer }: PortableWorld, scope: string) =>
  fetchGuard(createApiGuard(issuer, { audience: 'urn:api' }), { scope }, (_: Request, access) =>
    Response.json({ client_id: access.client_id }),
  )

export const apiCases: readonly PortableCase[] = [
  {
    name: 'an API serves requests with a token, and one token is cached for several requests',
    async run(world) {
      const handle = startApi(world, 'api1')
      const client = as(world, 'machine', clientSecretBasic(world.secret))
      const cache = createTokenCache(client)
      const tokens: (string | null)[] = []
      const send = createAuthorizedFetch(cache.source({ scope: 'api1' }), {
        origins: [api],
        async fetch(input, init) {
          const request = new Request(input, init)
          tokens.push(request.headers.get('authorization'))
          return handle(request)
        },
      })
      for (const path of ['/one', '/two']) {
        const response = await send(api + path)
        expectEqual(response.status, 200, 'status')
        expectEqual(((await response.json()) as { client_id: string }).client_id, 'machine', 'client_id')
      }
      expect(tokens[0]?.startsWith('Bearer '), 'the request has no token')
      expectEqual(tokens[0], tokens[1], 'token')
    },
  },
  {
    name: 'a token is not sent to another origin',
    async run(world) {
      const cache = createTokenCache(as(world, 'machine', clientSecretBasic(world.secret)))
      let sent = 0
      const send = createAuthorizedFetch(cache.source(), {
        origins: [api],
        async fetch() {
          sent++
          return new Response()
        },
      })
      const outcome = await send('https://other.example/').catch((error: { code?: string }) => error.code)
      expect(typeof outcome === 'string', 'the request was sent')
      expectEqual(sent, 0, 'requests')
    },
  },
  {
    name: 'an API challenges requests without a token, with a wrong one, and with too little scope',
    async run(world) {
      const handle = startApi(world, 'api1')
      const missing = await handle(new Request(api))
      expectEqual(missing.status, 401, 'status')
      expectEqual(challengeOf(missing)?.error, undefined, 'error')
      const wrong = await handle(new Request(api, { headers: { authorization: 'Bearer x' } }))
      expectEqual(`${wrong.status} ${challengeOf(wrong)?.error}`, '401 invalid_token', 'challenge')
      const cache = createTokenCache(as(world, 'machine', clientSecretBasic(world.secret)))
      const { access_token } = unwrap(await cache.token({ scope: 'api1' }))
      const strict = startApi(world, 'api2')
      const headers = { authorization: `Bearer ${access_token}` }
      const refused = await strict(new Request(api, { headers }))
      expectEqual(`${refused.status} ${challengeOf(refused)?.error}`, '403 insufficient_scope', 'challenge')
    },
  },
  ...(['ES256', 'Ed25519'] satisfies DpopAlgorithm[]).map(alg => ({
    name: `a token is bound with DPoP to a key for ${alg}, and an API that asks for a nonce serves its requests`,
    async run({ issuer, secret }: PortableWorld) {
      const proof = await createDpop(await generateDpopKey({ alg }))
      const authentication = clientSecretBasic(secret)
      const client = createClient({ issuer, client_id: 'machine', authentication, proof })
      const cache = createTokenCache(client)
      const scheme = dpopScheme({ url: api, nonceSecret: 'a secret of thirty-two characters' })
      const guard = createApiGuard(issuer, { audience: 'urn:api', schemes: [scheme] })
      const handle = fetchGuard(guard, { scope: 'api1' }, () => new Response('orders'))
      const statuses: number[] = []
      const send = createAuthorizedFetch(cache.source({ scope: 'api1' }), {
        origins: [api],
        async fetch(input, init) {
          const response = await handle(new Request(input, init))
          statuses.push(response.status)
          return response
        },
      })
      expectEqual(await (await send(`${api}/orders`)).text(), 'orders', 'response')
      expectEqual(statuses.join(' '), '401 200', 'statuses')
      const { access_token } = unwrap(await cache.token({ scope: 'api1' }))
      const headers = { authorization: `Bearer ${access_token}` }
      const refused = await handle(new Request(`${api}/orders`, { headers }))
      expectEqual(challengeOf(refused)?.error, 'invalid_token', 'error of a bound token sent as bearer')
    },
  })),
]
