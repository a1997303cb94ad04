/** The tutorials, followed as a reader does: files, commands and pages are those of the documents. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { launchChromium } from '../browser/chromium.ts'
import { readText, textsOf } from '../support/repository.ts'
import { startTutorial } from './tutorial.ts'
import { sectionsOf } from './tutorial-steps.ts'

let browser: Browser
before(async () => {
  browser = await launchChromium()
})
after(() => browser?.close())

const hasPython = spawnSync('python3', ['--version']).status === 0

/** Changes a file so that something happens during the test that takes minutes otherwise. */
const sooner: Readonly<Record<string, readonly [text: string, instead: string]>> = {
  // The application refreshes an access token before each use.
  'docs/tutorials/web-app.md': ['"access_token_lifetime": 600', '"access_token_lifetime": 20'],
}

const pages = textsOf('docs/tutorials/*.md')

for (const [page, text] of pages)
  test(`tutorials: each step of ${page} has the result that the page shows`, async t => {
    const context = await browser.newContext()
    const errors: string[] = []
    context.on('weberror', error => errors.push(String(error.error())))
    const change = (_: string, text: string): string => text.replace(...(sooner[page] ?? ['', '']))
    const tutorial = await startTutorial(() => context.newPage(), change)
    try {
      for (const { title, steps } of sectionsOf(text)) {
        const skip = title === 'In Python' && !hasPython && 'python3 is not installed'
        await t.test(title, { skip }, async () => {
          for (const step of steps) await tutorial.follow(step)
        })
      }
      assert.deepEqual(errors, [])
      if (page in sooner) assert.match(tutorial.printed('server'), /"grant_type":"refresh_token"/)
    } finally {
      await tutorial.close()
      await context.close()
    }
  })

test('tutorials: the index begins with them, and each names the versions of the packages that it installs', () => {
  assert.equal(pages.size, 3)
  const [, start = ''] = /^## Start\n([\s\S]*?)^## /m.exec(readText('docs/README.md')) ?? []
  const { devDependencies } = JSON.parse(readText('package.json'))
  for (const [page, text] of pages) {
    assert.ok(start.includes(`](${page.replace('docs/', '')})`), page)
    const [, names = assert.fail(page)] = /^npm install \S+\.tgz (.+)$/m.exec(text) ?? []
    for (const name of names.split(' ')) {
      const [version] = /^\d+\.\d+/.exec(devDependencies[name]) ?? assert.fail(name)
      assert.match(
        text,
        new RegExp(`\\b${name}\\]?(?:\\(\\S+\\))? ${version}\\b`, 'i'),
        `${page}: ${name} ${version}`,
      )
    }
  }
})

test('tutorials: reasons and messages that a page explains exist', () => {
  const reasons = readText('docs/reasons.md')
  const [, rows = assert.fail()] =
    /^\| reason \| fix \|\n\|[-|]+\|\n((?:\|.*\n)+)/m.exec(pages.get('docs/tutorials/web-app.md') ?? '') ?? []
  const named = [...rows.matchAll(/^\|.+?\|/gm)].flatMap(([cell]) => [...cell.matchAll(/`(\w+)`/g)])
  assert.ok(named.length >= 4)
  for (const [, reason] of named) assert.ok(reasons.includes(`| \`${reason}\` |`), `${reason} is no reason`)
  const check = readText('packages/server/src/node-version.js')
  for (const text of pages.values()) {
    const [, message = assert.fail()] = /^\| `(needs Node\.js [^`]+)` \|/m.exec(text) ?? []
    assert.ok(check.includes(message), message)
  }
})

test('tutorials: a step with another result fails, and so does a code block that is no step', async () => {
  const tutorial = await startTutorial(() => assert.fail())
  try {
    const step = { kind: 'run', commands: 'printf "one\\ntwo\\nthree"', output: 'one\n…\nthree' } as const
    await tutorial.follow(step)
    for (const output of ['one\n…\nfour', 'one', 'two', 'one\nthree'])
      await assert.rejects(tutorial.follow({ ...step, output }), { name: 'AssertionError' })
    await assert.rejects(
      tutorial.follow({ kind: 'start', terminal: 'app', command: 'false', output: 'ready' }),
      { name: 'AssertionError' },
    )
  } finally {
    await tutorial.close()
  }
  const block = (mark: string): string => `## A\n\n\`\`\`${mark}\ntrue\n\`\`\`\n`
  for (const mark of ['sh', 'js', 'sh run', 'sh terminal=app'])
    assert.throws(() => sectionsOf(block(mark)), { message: /expected an output block|unknown code block/ })
  assert.throws(() => sectionsOf('## A\n\n| do | see |\n|---|---|\n| Open x. | nothing |\n'), /in italics/)
})
