/** Each module of the suite's plans for relying parties, run by `examples/conformance-rp` without a browser. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import { plans, type Variant } from './rp-suite/plans.ts'
import { playModule } from './rp-suite/suite.ts'

// Examples are not part of the tested packages, so their types are not imported.
const { runModule } = await import('../../examples/conformance-rp/run-module.ts')

const { privateKey } = await generateKeyPair('RS256', { extractable: true })
const PRIVATE_JWK = JSON.stringify({ ...(await exportJWK(privateKey)), kid: 'rp' })

/** Runs a module as `rp.ts` does, and returns the line of each step. */
async function run(module: string, variant: Variant, environment: Variant = {}) {
  const suite = playModule(module, variant)
  const lines: string[] = []
  const settings = {
    ISSUER: 'https://op.example/test/a/tessera/',
    VARIANT: JSON.stringify(variant),
    PRIVATE_JWK,
    ...environment,
  }
  const result = await runModule(`oidcc-client-test${module}`, settings, {
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
        if (registration.client_registration === 'static_client' && isDynamic(module)) continue
        const name = [variant.response_type, variant.response_mode, full.client_registration].join(', ')
        test(`conformance RP: ${plan}: oidcc-client-test${module} (${name})`, async () => {
          const client = { CLIENT_ID: 'static', CLIENT_SECRET: 'a-secret-of-32-characters-or-more' }
          const { suite, result } = await run(module, full, client)
          assert.deepEqual([result.outcome, result.passed], [result.expected, true], JSON.stringify(result))
          suite.checkEnd()
        })
      }
