/** Plays one module of the suite: its endpoints, and the verdict about the requests that came. */

import assert from 'node:assert/strict'
import type { Fetch } from '@tessera/client'
import { type AuthorizationAnswer, createScriptedOp } from '../../client/scripted-op.ts'
import { type Script, scripts } from './modules.ts'
import type { Variant } from './plans.ts'

export type Suite = ReturnType<typeof playModule>

/** @param origin where the suite is reachable. By default, it is in this process only. */
export function playModule(module: string, variant: Variant, origin?: string) {
  const script = scripts[module] ?? assert.fail(`no script for ${module}`)
  const op = createScriptedOp(script, '/test/a/tessera/', origin)
  const forbidden = forbiddenRequests(script, variant)
  const problems: string[] = []
  const until = [...(script.until ?? untilOf(variant))]

  /** As the suite does, it fails the module at the first request that is not expected. */
  function expectRequest(endpoint: string): void {
    if (endpoint.startsWith('jwks')) return
    if (until.length === 0) problems.push(`${endpoint} is requested after the end of the module`)
    if (forbidden.includes(endpoint)) problems.push(`${endpoint} is requested`)
    assert.deepEqual(problems, [])
  }

  const fetch: Fetch = async (url, init) => {
    const endpoint = endpointOf(url)
    expectRequest(endpoint)
    if (endpoint !== 'authorize') {
      const response = await op.fetch(url.replace('jwksAbCdEfGhIj', 'jwks'), init)
      passed(endpoint)
      return response
    }
    const answer = await op.authorize(url)
    checkAuthorizationRequest(new URL(url), op.requests.at(-1)?.form ?? new URLSearchParams(), variant)
    passed(endpoint)
    return showAnswer(answer)
  }

  function passed(endpoint: string): void {
    if (until[0] === endpoint) until.shift()
  }

  function checkAuthorizationRequest(
    url: URL,
    parameters: URLSearchParams,
    { response_type }: Variant,
  ): void {
    assert.equal(parameters.get('response_type'), response_type)
    assert.equal(url.searchParams.get('response_type'), response_type)
    assert.match(url.searchParams.get('scope') ?? '', /^openid( |$)/)
    assert.match(parameters.get('scope') ?? '', /\b(?:profile|email|phone|address)\b/)
    assert.ok(parameters.get('nonce') && parameters.get('state'))
    assert.equal(url.searchParams.has('request_uri'), variant.request_type === 'request_uri')
    if (variant.client_registration !== 'dynamic_client') return
    const [client] = op.clients()
    assert.equal(url.searchParams.get('client_id'), client?.client_id)
    assert.deepEqual(client?.redirect_uris, [parameters.get('redirect_uri')])
  }

  return {
    op,
    fetch,
    /** Fails unless the module has ended as the suite wants it. */
    checkEnd(): void {
      assert.deepEqual(problems, [])
      const { refusedIdToken, forbidden = [] } = script
      // A module that ends by a refusal waits, and passes if no request comes.
      if (!refusedIdToken && forbidden.length === 0)
        assert.deepEqual(until, [], 'the module waits for more requests')
      const endpoints = op.endpoints()
      if (refusedIdToken) assert.ok(endpoints.includes('authorize'))
      if (refusedIdToken && !forbiddenRequests(script, variant).includes('token'))
        assert.ok(endpoints.includes('token'))
      for (const { endpoint, request } of op.requests) {
        const authorization = request.headers.get('authorization') ?? ''
        if (endpoint === 'token' && variant.client_auth_type === 'client_secret_basic')
          assert.match(authorization, /^Basic /)
        if (endpoint !== 'userinfo') continue
        assert.match(authorization, /^Bearer /)
        assert.equal(new URL(request.url).search, '')
      }
    },
  }
}

/** The suffix of an issuer is not part of an endpoint's name. */
const endpointOf = (url: string): string =>
  (new URL(url).pathname.split('/test/a/tessera/')[1] ?? '').replace(/^\w+\/(?=\.well-known)/, '')

/** A response type that brings no access token ends with the keys that verify the ID token. */
const untilOf = ({ response_type }: Variant): readonly string[] =>
  response_type === 'id_token' ? ['authorize'] : ['userinfo']

function forbiddenRequests({ refusedIdToken, forbidden = [] }: Script, { response_type = '' }: Variant) {
  if (!refusedIdToken) return forbidden
  return response_type.includes('id_token') ? ['token', 'userinfo'] : ['userinfo']
}

/** The response of the authorization endpoint: a redirect, or a page with a form that submits itself. */
function showAnswer({ mode, redirectUri, parameters }: AuthorizationAnswer): Response {
  if (mode !== 'form_post')
    return new Response(null, {
      status: 302,
      headers: { location: `${redirectUri}${mode === 'query' ? '?' : '#'}${parameters}` },
    })
  const inputs = [...parameters].map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  )
  const html = `<!DOCTYPE html><body onload="submitform()"><form action="${escapeHtml(redirectUri)}" method="post" enctype="application/x-www-form-urlencoded">
    <div>${inputs.join('</div><div>')}</div><input type="submit" value="Click to submit"></form></body>`
  return new Response(html, { headers: { 'content-type': 'text/html;charset=UTF-8' } })
}

const escapeHtml = (text: string): string =>
  text.replaceAll(/[^\w .:/-]/g, char => `&#${char.codePointAt(0)};`)
