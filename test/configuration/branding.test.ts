import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { contrast, parseColor } from '../../packages/server/src/model/color.ts'
import { parseConfiguration } from '../../packages/server/src/server.ts'

const errorsOf = (input: object, directory?: string) => {
  const outcome = parseConfiguration(
    { storage: 'memory:', ...input },
    directory === undefined ? {} : { directory },
  )
  return outcome.ok ? [] : outcome.errors
}

test('branding: an unreadable colour stops the start, and the error has the nearest readable one [WCAG 2.2 §1.4.3]', () => {
  const [error, ...more] = errorsOf({ branding: { colors: { accent: '#ffcc00' } } })
  assert.equal(error?.path, 'branding.colors.accent')
  assert.deepEqual(more, [])
  const [, nearest = ''] = /"(#[0-9a-f]{6})"/.exec(error?.fix ?? '') ?? []
  assert.deepEqual(errorsOf({ branding: { colors: { accent: nearest } } }), [])
  assert.ok(contrast(parseColor(nearest)!, parseColor('#ffffff')!) >= 4.5)
})

test('branding: each theme has its own contrast limit', () => {
  assert.deepEqual(errorsOf({ branding: { colors: { accent: '#0b5c8a', accent_dark: '#ffcc00' } } }), [])
  const path = (colors: object) => errorsOf({ branding: { colors } })[0]?.path
  assert.equal(path({ accent_dark: '#0b5c8a' }), 'branding.colors.accent_dark')
  assert.equal(path({ background: '#777777' }), 'branding.colors.background')
  assert.equal(path({ background_dark: '#777777' }), 'branding.colors.background_dark')
  assert.equal(path({ accent: 'red' }), 'branding.colors.accent')
  const client = { client_id: 'a', redirect_uris: ['https://a.example/'], token_endpoint_auth_method: 'none' }
  assert.equal(
    errorsOf({ clients: [{ ...client, accent_color: '#ffcc00' }] })[0]?.path,
    'clients[0].accent_color',
  )
})

test('branding: a logo is a file next to the configuration or has an https URL', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-logo-'))
  writeFileSync(join(folder, 'a.svg'), '<svg/>')
  writeFileSync(join(folder, 'a.exe'), '')
  writeFileSync(join(folder, 'big.png'), new Uint8Array(300_000))
  const problem = (logo: string) => errorsOf({ branding: { logo } }, folder)[0]?.problem
  assert.equal(problem('./a.svg'), undefined)
  assert.equal(problem('https://cdn.example/a.svg'), undefined)
  assert.match(problem('http://cdn.example/a.svg') ?? '', /not an https URL/)
  assert.match(problem('a.exe') ?? '', /not a supported image type/)
  assert.match(problem('big.png') ?? '', /too large/)
  assert.match(problem('gone.svg') ?? '', /there is no such file/)
  const tenants = [{ name: 'acme', issuer: 'path', branding: { logo: 'gone.svg' } }]
  assert.equal(errorsOf({ tenants }, folder)[0]?.path, 'tenants[0].branding.logo')
  assert.match(errorsOf({ templates: 'a.svg' }, folder)[0]?.problem ?? '', /not a folder/)
  assert.match(errorsOf({ templates: 'gone' }, folder)[0]?.problem ?? '', /ENOENT/)
  rmSync(folder, { recursive: true })
})

test('branding: texts of a scope are one string, or one for each language', () => {
  const path = (display_name: unknown) => errorsOf({ api_scopes: [{ name: 'a', display_name }] })[0]?.path
  assert.equal(path('Orders'), undefined)
  assert.equal(path({ en: 'Orders', 'pt-BR': 'Pedidos' }), undefined)
  for (const wrong of [{ 'not a tag': 'x' }, { en: 1 }, 3, { en: '' }])
    assert.match(path(wrong) ?? '', /^api_scopes\[0\]\.display_name/)
})
