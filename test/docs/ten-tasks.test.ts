/** Ten tasks of new users and operators: the index leads to a page, and a test does what the page says. */

import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import { readText } from '../support/repository.ts'
import { allBlocks } from './blocks.ts'

type Task = {
  /** The row of the index. */
  readonly task: string
  readonly page: string
  /** The test that follows the page, and the text by which it names the page or its files. */
  readonly test: string
  readonly names: string
}

/** Pages whose sessions at a terminal are run, and their output compared. */
const session = (task: string, page: string): Task => ({
  ...{ task, page: `docs/guides/${page}.md` },
  ...{ test: 'test/docs/code-blocks.test.ts', names: 'follow(' },
})
const tutorial = (task: string, name: string): Task => ({
  ...{ task, page: `docs/tutorials/${name}.md` },
  ...{ test: 'test/docs/tutorials.test.ts', names: 'docs/tutorials/*.md' },
})

const tasks: readonly Task[] = [
  tutorial('Build a web application in which users sign in', 'web-app'),
  tutorial('Build a single-page application in which users sign in', 'spa'),
  tutorial('Build an API that accepts access tokens', 'protected-api'),
  session('Manage users; let them sign up and reset passwords', 'accounts'),
  session('Change clients, resources, users and tenants at run time', 'administration'),
  session('Find out why a request was refused', 'troubleshooting'),
  session('Give a person their data, or delete it', 'personal-data'),
  session('Show who changed what, and that the record is intact', 'audit'),
  {
    ...{ task: 'Restore after a loss', page: 'docs/guides/restore.md' },
    ...{ test: 'test/operations/restore.test.ts', names: 'docs/guides/restore.md' },
  },
  {
    ...{ task: 'Go to production', page: 'docs/guides/production.md' },
    ...{ test: 'test/operations/operators-drill.test.ts', names: 'deploy/drill/drill.sh' },
  },
]

const rowsOfIndex = new Map(
  [...readText('docs/README.md').matchAll(/^\| ([^|]+) \| (.+) \|$/gm)].map(
    ([, task, links]) => [task!, links!] as const,
  ),
)

test('documentation: the index leads to each of ten tasks, which a test follows', () => {
  assert.equal(new Set(tasks.map(({ page }) => page)).size, 10)
  for (const { task, page, test: file, names } of tasks) {
    const links = [...(rowsOfIndex.get(task) ?? '').matchAll(/\]\(([^)#\s]+)\)/g)]
    assert.ok(
      links.some(([, link]) => posix.join('docs', link!) === page),
      `the row "${task}" of docs/README.md does not lead to ${page}`,
    )
    assert.ok(readText(file).includes(names), `${file} does not follow ${page}`)
    // Whoever follows the page needs commands or code, not only prose.
    assert.ok(
      allBlocks().some(block => block.page === page && /^(?:sh|console)\b/.test(block.language)),
      `${page} has no commands`,
    )
  }
})

test('documentation: the sessions of the tasks are at a terminal, so that they are run', () => {
  const sessions = tasks.filter(({ test: file }) => file.endsWith('code-blocks.test.ts'))
  assert.equal(sessions.length, 5)
  for (const { page } of sessions)
    assert.ok(
      allBlocks().some(block => block.page === page && block.language === 'console'),
      page,
    )
})
