/** A row of an absolute sentence: the tests that hold it, or the reason why it promises nothing about the server. */

/** Why an absolute sentence is no promise of the server's behaviour that a test of ours could hold. */
export type Reason =
  /** Tells an operator or a developer of a client what to do. */
  | 'advice'
  /** Says what a word, a key or a value means. */
  | 'definition'
  /** Repeats what an RFC or a specification requires of others. */
  | 'quotes a specification'
  /** Speaks of browsers, proxies, databases or clients, not of this server. */
  | 'others’ behaviour'
  /** Names a case or a cause ("a file that can't be read"); what happens then is said elsewhere. */
  | 'names a case'
  /** Explains why, of a promise that stands beside it. */
  | 'explains'
  /** Says what an earlier version did. */
  | 'history'
  /** Says what is not promised. */
  | 'names a limit of the promise'

export type Row =
  | { readonly tests: readonly (readonly [file: string, title: string])[] }
  | { readonly reason: Reason }

/** Rows of one file, by the beginnings of its sentences. */
export type Rows = Readonly<Record<string, Row>>

/** Tests that hold a sentence: a file below `test/` and the beginning of a title in it, again and again. */
export function held(...pairs: readonly string[]): Row {
  const tests: [string, string][] = []
  for (let index = 0; index < pairs.length; index += 2) tests.push([pairs[index]!, pairs[index + 1]!])
  return { tests }
}

export const none = (reason: Reason): Row => ({ reason })
