/** A row of an absolute sentence: the tests that verify it, or the reason why it promises nothing about the server. */

/** Why an absolute sentence is no promise of the server's behaviour that a test could verify. */
export type Reason =
  /** Tells an operator or a developer of a client what to do. */
  | 'advice'
  /** Defines a word, a key or a value. */
  | 'definition'
  /** Repeats what an RFC or a specification requires of others. */
  | 'quotes a specification'
  /** Is about browsers, proxies, databases or clients, not about this server. */
  | 'others’ behaviour'
  /** Names a case or a cause ("a file that can't be read"); its consequence is described elsewhere. */
  | 'names a case'
  /** Explains the reason for a promise beside it. */
  | 'explains'
  /** Describes what an earlier version did. */
  | 'history'
  /** Says what is not promised. */
  | 'names a limit of the promise'

export type Row =
  | { readonly tests: readonly (readonly [file: string, title: string])[] }
  | { readonly reason: Reason }

/** Rows of one file, by the beginnings of its sentences. */
export type Rows = Readonly<Record<string, Row>>

/** Tests that verify a sentence: pairs of a file below `test/` and the beginning of a title in it. */
export function held(...pairs: readonly string[]): Row {
  const tests: [string, string][] = []
  for (let index = 0; index < pairs.length; index += 2) tests.push([pairs[index]!, pairs[index + 1]!])
  return { tests }
}

export const none = (reason: Reason): Row => ({ reason })
