/** Each module of the suite's plans for relying parties, run by `examples/conformance-rp` without a browser. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import { code, plans, type Variant } from './rp-suite/plans.ts'
import { playModule } from './rp-suite/suite.ts'

// Examples are not part of the tested packages, so their types are not imported.
const { runModule } = await import('../../examples/conformance-rp/run-module.ts')

const { privateKey } = await generateKeyPair('RS256', { extractable: true })
const PRIVATE_JWK = JSON.stringify({ ...(await exportJWK(privateKey)), kid: 'rp' })

/** Runs a module as `rp.ts` does. @param started the module that the app is told, if it is not the one played. */
async function run(module: string, variant: Variant, environment: Variant = {}, started = module) {
  const suite = playModule(module, variant)
  const lines: string[] = []
  const settings = {
    ISSUER: 'https://op.example/test/a/tessera/',
    VARIANT: JSON.stringify(variant),
    PRIVATE_JWK,
    ...environment,
  }
  const result = await runModule(`oidcc-client-test${started}`, settings, {
    fetch: suite.fetch,
    log: line => lines.push(line),
    async serve(app) {
      suite.op.fetchRequestObject = async uri => (await app(new Request(uri))).text()
      return () => {}
    },
  })
  return { suite, result, lines }
}

const registrations: readonly Variant[] = [
  { client_registration: 'dynamic_client' },
  { client_registration: 'static_client' },
]

const isDynamic = (module: string): boolean => /registration|request-uri|userinfo-signed/.test(module)

for (const [plan, lists] of Object.entries(plans))
  for (const { variant, modules } of lists)
    for (const module of modules)
      for (const registration of registrations) {
        const full = { ...registration, ...variant }
        if (full.client_registration !== registration.client_registration) continue
        const isStatic = registration.client_registration === 'static_client'
        if (isStatic && (isDynamic(module) || variant.response_mode === 'form_post')) continue
        const name = [variant.response_type, variant.response_mode, full.client_registration].join(', ')
        test(`conformance RP: ${plan}: oidcc-client-test${module} (${name})`, async () => {
          const client = { CLIENT_ID: 'static', CLIENT_SECRET: 'a-secret-of-32-characters-or-more' }
          const { suite, result } = await run(module, full, client)
          assert.deepEqual([result.outcome, result.passed], [result.expected, true], JSON.stringify(result))
          suite.checkEnd()
          if (result.outcome !== 'signed_in') return
          const { claims, userinfo } = result.shown
          assert.equal(claims?.sub, 'user-1')
          assert.equal(
            userinfo?.email,
            variant.response_type === 'id_token' ? undefined : 'alice@example.com',
          )
        })
      }

for (const client_auth_type of ['client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none'])
  for (const request_type of ['plain_http_request', 'request_object', 'request_uri'])
    test(`conformance RP: the variant ${client_auth_type}, ${request_type} is supported`, async () => {
      const variant = { ...code, client_auth_type, request_type, client_registration: 'dynamic_client' }
      const { suite, result } = await run('', variant)
      assert.equal(result.outcome, 'signed_in')
      suite.checkEnd()
      assert.equal(suite.op.clients()[0]?.token_endpoint_auth_method, client_auth_type)
      const { form, request } =
        suite.op.requests.find(({ endpoint }) => endpoint === 'authorize') ?? assert.fail()
      assert.equal(new URL(request.url).searchParams.has('request'), request_type === 'request_object')
      assert.equal(form.get('response_type'), 'code')
    })

test('conformance RP: the log has each request, without its parameters', async () => {
  const { lines } = await run('', {
    ...code,
    response_mode: 'form_post',
    client_registration: 'dynamic_client',
  })
  const suite = 'https://op.example/test/a/tessera/'
  assert.deepEqual(lines, [
    `app GET ${suite}.well-known/openid-configuration 200`,
    `app POST ${suite}register 201`,
    'browser GET https://rp.example/start 302',
    `browser GET ${suite}authorize 200`,
    `app POST ${suite}token 200`,
    `app GET ${suite}jwks 200`,
    `app GET ${suite}userinfo 200`,
    'browser POST https://rp.example/callback 200',
    '/start ends with signed_in',
  ])
})

// Neither verdict is blind: the app and the suite play different modules.
for (const [module, played, outcome, problem] of [
  ['-nonce-invalid', '', 'signed_in', undefined],
  ['', '-nonce-invalid', 'nonce_mismatch', undefined],
  ['', '-discovery-openid-config', 'network_error', /register is requested after the end/],
  ['', '-signing-key-rotation', 'signed_in', /waits for more requests/],
  ['-discovery-openid-config', '', 'discovered', /waits for more requests/],
  ['', '-discovery-issuer-mismatch', 'issuer_mismatch', undefined],
] as const)
  test(`conformance RP: the module "${module}" does not pass if the suite plays "${played}"`, async () => {
    const variant = { ...code, client_registration: 'dynamic_client' }
    const { suite, result } = await run(played, variant, {}, module)
    assert.equal(result.outcome, outcome)
    if (problem) assert.throws(() => suite.checkEnd(), problem)
    else assert.equal(result.passed, false)
  })

test('conformance RP: the suite notices requests after a refused ID token, and parameters that are missing', async () => {
  const variant = { ...code, client_registration: 'dynamic_client' }
  const late = playModule('-nonce-invalid', variant)
  await assert.rejects(late.fetch('https://op.example/test/a/tessera/userinfo', {}), /userinfo is requested/)
  const url = 'https://op.example/test/a/tessera/authorize?response_type=code&scope=openid&client_id=x'
  await assert.rejects(playModule('', variant).fetch(url, {}), assert.AssertionError)
})

test('conformance RP: a variant that the app does not support is an error', async () => {
  const variants: readonly Variant[] = [{ client_auth_type: 'tls_client_auth' }, { request_type: 'another' }]
  for (const unsupported of variants)
    await assert.rejects(run('', { ...code, ...unsupported }), /is not supported/)
  await assert.rejects(run('', { ...code, client_registration: 'static_client' }), /set CLIENT_ID/)
})
