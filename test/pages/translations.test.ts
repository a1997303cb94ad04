/** Every language has all texts of English, translated. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ar } from '../../packages/server/src/pages/ui/locales/ar.ts'
import { de } from '../../packages/server/src/pages/ui/locales/de.ts'
import { en } from '../../packages/server/src/pages/ui/locales/en.ts'
import { es } from '../../packages/server/src/pages/ui/locales/es.ts'
import { fr } from '../../packages/server/src/pages/ui/locales/fr.ts'
import { ja } from '../../packages/server/src/pages/ui/locales/ja.ts'
import { pt } from '../../packages/server/src/pages/ui/locales/pt.ts'
import { zhHans } from '../../packages/server/src/pages/ui/locales/zh-hans.ts'

const translations = { ar, de, es, fr, ja, pt, 'zh-Hans': zhHans }

type Leaves = ReadonlyMap<string, unknown>
const leavesOf = (part: object, path = ''): Leaves =>
  new Map(
    Object.entries(part).flatMap(([key, value]): (readonly [string, unknown])[] =>
      typeof value === 'object' && value !== null
        ? [...leavesOf(value, `${path}${key}.`)]
        : [[`${path}${key}`, value]],
    ),
  )

/** The same in every language: only the name of the product. */
const shared = new Set(['name', 'dir'])
/** Words that a language has in common with English. */
const alike: Readonly<Record<string, readonly string[]>> = {
  de: ['device.code', 'account.profile.name', 'account.security.passkey', 'fields.names.full_name'],
  es: ['error.code'],
  fr: ['device.code', 'account.sections.sessions', 'account.sections.consents'],
}

/** Renders a text with markers in its placeholders; English and other languages must show the same. */
const spoken = (value: unknown): string => (typeof value === 'function' ? value('‹1›', '‹2›') : String(value))
const marks = (text: string): string => ['‹1›', '‹2›'].filter(mark => text.includes(mark)).join()

const english = leavesOf(en)

for (const [language, texts] of Object.entries(translations)) {
  test(`translations: ${language} is complete`, () => {
    const own = leavesOf(texts)
    const missing = [...english.keys()].filter(path => !shared.has(path) && !own.has(path))
    assert.deepEqual(missing, [])
    assert.deepEqual(
      [...own.keys()].filter(path => !english.has(path)),
      [],
    )
  })

  test(`translations: ${language} shows what English shows, and is not English`, () => {
    const faults: string[] = []
    for (const [path, value] of leavesOf(texts)) {
      const model = english.get(path)
      if (typeof value !== typeof model) faults.push(`${path}: a ${typeof value}`)
      else if (spoken(value).trim() === '' && spoken(model) !== '') faults.push(`${path}: empty`)
      else if (path !== 'lang' && marks(spoken(value)) !== marks(spoken(model)))
        faults.push(`${path}: ${marks(spoken(model))} is missing or too much`)
      else if (spoken(value) === spoken(model) && spoken(model) !== '' && !alike[language]?.includes(path))
        faults.push(`${path}: "${spoken(value)}"`)
    }
    assert.deepEqual(faults, [])
  })
}

test('translations: numbers have their plural forms in each language', () => {
  const minutes = (texts: typeof translations.ar, count: number) => texts.login?.tooMany?.(count) ?? ''
  const forms = (texts: typeof translations.ar) => [1, 2, 3, 11].map(count => minutes(texts, count))
  assert.deepEqual(
    forms(ar).map(text => /دقيقة واحدة|دقيقتين|3 دقائق|11 دقيقة/.exec(text)?.[0]),
    ['دقيقة واحدة', 'دقيقتين', '3 دقائق', '11 دقيقة'],
  )
  assert.match(forms(de)[0] ?? '', /eine Minute/)
  assert.match(forms(de)[1] ?? '', /2 Minuten/)
  assert.match(forms(fr)[0] ?? '', /une minute/)
  assert.match(forms(es)[3] ?? '', /11 minutos/)
  assert.match(forms(ja)[0] ?? '', /1 分/)
})
