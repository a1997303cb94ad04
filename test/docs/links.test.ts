/** Links of the documentation: anchors exist, and addresses of other sites are well-formed. No other site is asked. */

import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import { textsOf } from '../support/repository.ts'

const pages = textsOf('**/*.md')

const withoutCode = (text: string): string =>
  text
    .replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, code => code.replaceAll(/[[\]()#]/g, ' '))

type Link = { readonly page: string; readonly link: string }

const links: readonly Link[] = [...pages].flatMap(([page, text]) => {
  const prose = withoutCode(text)
  const targets = [
    ...prose.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g),
    ...prose.matchAll(/^\[[^\]]+\]: (\S+)/gm),
  ]
  return targets.map(([, link]) => ({ page, link: link! }))
})

/** Returns the anchor of a heading without markup, as GitHub and the site make it. */
const slugOf = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-')

/** Returns the anchors of a page: of headings, and of elements with an id. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set([...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, id]) => id!))
  const counts = new Map<string, number>()
  const prose = text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '')
  for (const [, heading = ''] of prose.matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = slugOf(heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/[`*]/g, ''))
    const count = counts.get(slug) ?? 0
    counts.set(slug, count + 1)
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
  }
  return anchors
}

const isOutside = ({ link }: Link): boolean => /^[a-z][a-z0-9+.-]*:/i.test(link)

test('links: each anchor is a heading of its page', () => {
  const anchored = links.filter(link => !isOutside(link) && link.link.includes('#'))
  assert.ok(anchored.length > 100, `only ${anchored.length} links have an anchor`)
  const isMissing = ({ page, link }: Link): boolean => {
    const [file = '', anchor = ''] = link.split('#')
    const target = file === '' ? page : posix.join(posix.dirname(page), file)
    return target.endsWith('.md') && !anchorsOf(pages.get(target) ?? '').has(anchor)
  }
  assert.deepEqual(anchored.filter(isMissing), [])
  const page = 'README.md'
  assert.ok(isMissing({ page, link: '#quick-stat' }) && !isMissing({ page, link: '#quick-start' }))
})

test('links: addresses of other sites use https, and none is left over from a test', () => {
  const outside = links.filter(isOutside)
  assert.ok(outside.length > 25, `only ${outside.length} links lead to other sites`)
  const isWrong = ({ link }: Link): boolean => {
    const url = URL.parse(link)
    const name = url?.hostname ?? ''
    return (
      url?.protocol !== 'https:' ||
      !name.includes('.') ||
      /(?:^|\.)(?:example|test|invalid|localhost)$/.test(name)
    )
  }
  assert.deepEqual(outside.filter(isWrong), [])
  for (const link of ['http://www.rfc-editor.org/', 'https://localhost/', 'https://id.example/', 'https://['])
    assert.ok(isWrong({ page: 'README.md', link }), link)
})
