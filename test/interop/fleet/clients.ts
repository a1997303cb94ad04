/** The load on a fleet: clients that refresh, and users who sign in, each request at any node. */

import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { createBrowser } from '../../support/browser.ts'
import { challenge, verifier } from '../../support/issue-code.ts'
import { secret } from '../../support/world.ts'
import type { Fleet } from './fleet.ts'
import { type Exchange, isUnknown, json } from './history.ts'

const basic = (client: string) => ({
  authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`,
})

/** The last credentials of each client, all of which must be valid at the end. */
export type Held = { readonly refresh_token: string; readonly access_token: string }

/** Retries at any node until one responds. */
async function insist(ask: () => Promise<Exchange>): Promise<Exchange> {
  for (;;) {
    const answer = await ask()
    if (!isUnknown(answer)) return answer
    await setTimeout(100)
  }
}

/** Signs in and refreshes, a third of the time at two nodes concurrently, until it is stopped. */
export async function refreshOn(fleet: Fleet, stopped: () => boolean, held: Held[]): Promise<void> {
  const token = (kind: Exchange['kind'], form: Record<string, string>, uses = '') =>
    fleet.ask({ kind, path: '/connect/token', headers: basic('roclient'), form, uses })
  const refresh = (refresh_token: string) =>
    token('refresh', { grant_type: 'refresh_token', refresh_token }, refresh_token)

  while (!stopped()) {
    const credentials = { username: 'bob', password: 'bob', scope: 'openid api1 offline_access' }
    const begun = await insist(() => token('password', { grant_type: 'password', ...credentials }))
    assert.equal(begun.status, 200, begun.text)
    let { refresh_token, access_token }: Held = json(begun)
    for (let step = 0; step < 12 && !stopped(); step++) {
      const presented = refresh_token
      const times = step % 3 === 0 ? 2 : 1
      const answers = await Promise.all(Array.from({ length: times }, () => insist(() => refresh(presented))))
      for (const answer of answers) assert.equal(answer.status, 200, answer.text)
      ;({ refresh_token, access_token } = json(answers[0] as Exchange))
      await setTimeout(10)
    }
    held.push({ refresh_token, access_token })
  }
}

/** Gets codes for a browser, each page from any node, and redeems each code at two nodes concurrently. */
export async function signInOn(fleet: Fleet, stopped: () => boolean): Promise<void> {
  const browser = createBrowser({
    async send(method, path, { form, headers } = {}) {
      const asked = { kind: 'page', method, path, ...(headers && { headers }) } as const
      const answer = await insist(() =>
        fleet.ask({ ...asked, ...(form !== undefined && { form: form as Record<string, string> }) }),
      )
      return { status: Number(answer.status), headers: answer.headers, body: answer.text, json: undefined }
    },
  })
  const address = `/connect/authorize?${new URLSearchParams({
    client_id: 'web',
    response_type: 'code',
    redirect_uri: 'https://app.example/cb',
    scope: 'openid api1',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })}`
  while (!stopped()) {
    const first = await browser.visit(address)
    const page = first.form
      ? await browser.submit(first, { username: 'bob', password: 'bob', button: 'login' })
      : first
    const code = page.location ? new URL(page.location).searchParams.get('code') : null
    // A form that was sent again, because its first response was lost, may lead elsewhere.
    if (code === null) continue
    const form = {
      ...{ grant_type: 'authorization_code', code },
      ...{ redirect_uri: 'https://app.example/cb', code_verifier: verifier },
    }
    const redeem = { kind: 'code', path: '/connect/token', headers: basic('web'), form, uses: code } as const
    await Promise.all([0, 1].map(() => fleet.ask(redeem)))
    await setTimeout(20)
  }
}

/** Every token that was issued last is valid, at every node. */
export async function requireGood(fleet: Fleet, held: readonly Held[]): Promise<void> {
  for (const [index, { refresh_token, access_token }] of held.entries()) {
    const node = index % fleet.size
    const seen = await fleet.ask(
      {
        kind: 'introspection',
        path: '/connect/introspect',
        headers: {
          authorization: `Basic ${Buffer.from('urn:api:api-secret'.replace('urn:api', 'urn%3Aapi')).toString('base64')}`,
        },
        form: { token: access_token },
      },
      node,
    )
    assert.equal(json(seen).active, true, seen.text)
    const form = { grant_type: 'refresh_token', refresh_token }
    const asked = { kind: 'refresh', path: '/connect/token', headers: basic('roclient'), form } as const
    const refreshed = await fleet.ask({ ...asked, uses: refresh_token }, node)
    assert.equal(refreshed.status, 200, refreshed.text)
  }
}
