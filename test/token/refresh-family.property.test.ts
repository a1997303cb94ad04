import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assertRefused } from '../support/refused.ts'
import { type Answer, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients } from '../support/world.ts'

/** The client settings that affect a family's lifetime. */
type Policy = {
  readonly refresh_token_usage: 'one_time' | 'reuse'
  readonly refresh_token_expiration: 'absolute' | 'sliding'
  readonly refresh_token_retry_window: number
}

const absolute = 1000
const sliding = 300

/** The rules of a family (design §3), without stores, handles and commits. */
type Model = {
  generation: number
  rotatedAt: number
  revoked: boolean
  /** Expired and cleaned up. */
  gone: boolean
  idleEnd: number
  readonly absoluteEnd: number
  /** The token of each generation that was ever returned. */
  readonly tokens: Map<number, string>
  /** The newest access token that was returned, and its expiry. */
  access: { readonly token: string; readonly end: number }
}

type Expected = 'next' | 'again' | 'refused'

/** Why a family’s token is refused; the order is left to the implementation. */
const reasons = [
  'authorization_revoked',
  'refresh_token_reused',
  'refresh_token_expired',
  'refresh_token_idle_too_long',
  'refresh_token_unknown',
  // Decided before a concurrent use revoked it, and committed after.
  'no_longer_valid',
] as const

/** The expected result of using this generation; it changes the model as the store must change. */
function use(model: Model, generation: number, now: number, policy: Policy): Expected {
  if (now >= model.absoluteEnd || now >= model.idleEnd) return 'refused'
  if (generation === model.generation) {
    if (model.revoked) return 'refused'
    model.idleEnd =
      policy.refresh_token_expiration === 'sliding'
        ? Math.min(now + sliding, model.absoluteEnd)
        : model.absoluteEnd
    if (policy.refresh_token_usage === 'reuse') return 'again'
    model.generation += 1
    model.rotatedAt = now
    return 'next'
  }
  const window = policy.refresh_token_retry_window
  if (window > 0 && generation === model.generation - 1 && now - model.rotatedAt <= window) {
    return model.revoked ? 'refused' : 'again'
  }
  model.revoked = true
  return 'refused'
}

type Action =
  | { readonly kind: 'use'; readonly back: number; readonly times: number }
  | { readonly kind: 'use_too_wide'; readonly back: number }
  | { readonly kind: 'use_by_another' }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'revoke'; readonly back: number }
  | { readonly kind: 'clean_up' }

/** How many generations before the newest. */
const back = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  fc.constant(1),
  fc.integer({ min: 2, max: 20 }),
)
const seconds = fc.constantFrom(0, 1, 9, 10, 11, 100, 290, 299, 300, 301, 700)

const actions: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('use' as const),
        back,
        times: fc.constantFrom(1, 1, 1, 2, 5),
      }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds }) },
    fc.record({ kind: fc.constant('use_too_wide' as const), back }),
    fc.record({ kind: fc.constant('use_by_another' as const) }),
    fc.record({ kind: fc.constant('revoke' as const), back }),
    fc.record({ kind: fc.constant('clean_up' as const) }),
  ),
  { maxLength: 25 },
)

const client = ['roclient', secret] as const

const refresh = (
  server: TestServer,
  refresh_token: string,
  more: Record<string, string> = {},
): Promise<Answer> => server.token({ grant_type: 'refresh_token', refresh_token, ...more }, { client })

async function begin(server: TestServer): Promise<Model> {
  const form = { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1 offline_access' }
  const { json } = await server.token(form, { client })
  const now = server.clock.now()
  return {
    generation: 1,
    rotatedAt: now,
    revoked: false,
    gone: false,
    idleEnd: now + absolute,
    absoluteEnd: now + absolute,
    tokens: new Map([[1, json.refresh_token]]),
    access: { token: json.access_token, end: claimsOf(json.access_token).exp },
  }
}

function check(model: Model, { status, json, reason }: Answer, expected: Expected): void {
  if (expected === 'refused') {
    assert.equal(status, 400)
    assertRefused({ json, reason }, 'invalid_grant', reasons)
    return
  }
  assert.equal(status, 200, JSON.stringify(json))
  const known = model.tokens.get(model.generation)
  // One generation has one token: a second would be a second branch.
  assert.equal(json.refresh_token, known ?? json.refresh_token)
  if (expected === 'next') assert.ok(![...model.tokens.values()].includes(json.refresh_token))
  model.tokens.set(model.generation, json.refresh_token)
  model.access = { token: json.access_token, end: claimsOf(json.access_token).exp }
}

async function act(server: TestServer, model: Model, action: Action, policy: Policy): Promise<void> {
  const now = server.clock.now()
  const generation = 'back' in action ? Math.max(1, model.generation - action.back) : model.generation
  const token = model.tokens.get(generation)!
  switch (action.kind) {
    case 'use': {
      // All concurrently: the results must be those of some order, and the model's order is sequential.
      const answers = await Promise.all(Array.from({ length: action.times }, () => refresh(server, token)))
      const expected = answers.map(() => use(model, generation, now, policy))
      const sorted = answers.toSorted((one, other) => one.status - other.status)
      const succeeded = expected.filter(outcome => outcome !== 'refused')
      for (const [index, outcome] of [...succeeded, ...expected.filter(o => o === 'refused')].entries())
        check(model, sorted[index]!, outcome)
      return
    }
    case 'use_too_wide': {
      // The refusal of the scope must consume nothing; a refusal of the token takes precedence.
      const before = { ...model }
      const outcome = use(model, generation, now, policy)
      const answer = await refresh(server, token, { scope: 'api1 api2' })
      if (outcome === 'refused') assertRefused(answer, 'invalid_grant', reasons)
      else assertRefused(answer, 'invalid_scope', 'scope_widened')
      if (outcome !== 'refused') Object.assign(model, before)
      return
    }
    case 'use_by_another': {
      const form = { grant_type: 'refresh_token', refresh_token: token }
      assertRefused(await server.token(form, { client: ['web', secret] }), 'invalid_grant', [
        'refresh_token_of_another_client',
        ...reasons,
      ])
      return
    }
    case 'revoke': {
      await server.send('POST', '/connect/revocation', {
        form: { token, client_id: 'roclient', client_secret: secret },
      })
      // RFC 7009 §2.2: an expired and cleaned-up token is unknown, and nothing happens.
      if (!model.gone) model.revoked = true
      return
    }
    case 'clean_up':
      await server.stores.cleanUp(now)
      model.gone ||= now >= Math.min(model.idleEnd, model.absoluteEnd)
      return
    case 'wait':
      server.clock.advance(action.seconds)
  }
}

/** An access token is valid exactly until it expires or its source is revoked. */
async function checkAccess(server: TestServer, { access, revoked }: Model): Promise<void> {
  const { json } = await server.send('POST', '/connect/introspect', {
    form: { token: access.token, client_id: 'roclient', client_secret: secret },
  })
  assert.equal(json.active, !revoked && server.clock.now() < access.end)
}

for (const policy of [
  { refresh_token_usage: 'one_time', refresh_token_expiration: 'absolute', refresh_token_retry_window: 10 },
  { refresh_token_usage: 'one_time', refresh_token_expiration: 'sliding', refresh_token_retry_window: 10 },
  { refresh_token_usage: 'one_time', refresh_token_expiration: 'absolute', refresh_token_retry_window: 0 },
  { refresh_token_usage: 'reuse', refresh_token_expiration: 'sliding', refresh_token_retry_window: 10 },
] as const satisfies readonly Policy[]) {
  const {
    refresh_token_usage: usage,
    refresh_token_expiration: expiration,
    refresh_token_retry_window,
  } = policy
  test(`refresh family, ${usage}, ${expiration}, window ${refresh_token_retry_window} s: whatever clients do, it has one branch, and a returned token works until it is revoked or expires`, async () => {
    const server = await createTestServer(
      withClients({
        client_id: 'roclient',
        ...policy,
        absolute_refresh_token_lifetime: absolute,
        sliding_refresh_token_lifetime: sliding,
        access_token_lifetime: 120,
      } as never),
    )
    await fc.assert(
      fc.asyncProperty(actions, async planned => {
        const model = await begin(server)
        if (expiration === 'sliding') model.idleEnd = server.clock.now() + sliding
        for (const action of planned) {
          await act(server, model, action, policy)
          await checkAccess(server, model)
        }
      }),
      { numRuns: 150 },
    )
  })
}
