/** Rules for claims, as scopes, APIs and clients have them. */

import type { ClaimEntry, ClaimPath, ClaimRule } from '../../model/claim-rule.ts'
import { reservedClaims } from '../../model/user.ts'
import * as s from '../validation/kinds.ts'
import { defined } from './values.ts'

const claim = () => s.string().min(1).max(200)

const path = () =>
  s
    .union([claim(), s.array(claim()).min(1).max(5)])
    .check(value =>
      [value].flat().includes('__proto__')
        ? { problem: 'no claim can have this name', expected: 'the name of a claim', fix: 'choose another' }
        : undefined,
    )

const names = () => s.union([claim(), s.array(claim()).min(1).max(100)])

/** Characters of a fixed value as JSON, and of what one rule maps to. */
const mostCharacters = 4096

const isSmall = (value: unknown): boolean => JSON.stringify(value).length <= mostCharacters
const tooLarge = {
  problem: 'it is too large for a token',
  expected: `at most ${mostCharacters} characters of JSON`,
  fix: 'write a shorter value',
}

const fromOnly = ['starts_with', 'remove_prefix', 'map', 'add_prefix'] as const

export const claimRuleSchema = s
  .strictObject({
    claim: path().describe('The claim in the token, or a list of names for a member of an object.'),
    from: path().optional().describe("The user's claim that it is derived from, such as groups or roles."),
    value: s
      .json()
      .refine(value => value !== null, {
        problem: 'it is null',
        expected: 'a value',
        fix: 'remove the rule: a claim without a value is left out (OpenID Connect Core 1.0 §5.3.2)',
      })
      .refine(isSmall, tooLarge)
      .optional()
      .describe('A fixed value, instead of from.'),
    starts_with: claim().optional().describe('Keeps only values that begin with this.'),
    remove_prefix: claim().optional().describe('Text to remove from the beginning of values.'),
    map: s
      .record(claim(), s.json())
      .refine(isSmall, tooLarge)
      .optional()
      .describe('The new value for each value; a list adds several. Other values are left out.'),
    add_prefix: claim().optional().describe('Text to add before each value.'),
    if_group: names().optional().describe('Only for users in one of these groups.'),
    if_role: names().optional().describe('Only for users with one of these roles.'),
    list: s.boolean().default(false).describe('The claim is a list even with one value.'),
  })
  .check(rule => {
    const [name = ''] = [rule.claim].flat()
    if (reservedClaims.has(name))
      return {
        path: ['claim'],
        problem: `only this server may set "${name}"`,
        expected: 'a claim about the user',
        fix: 'give the claim another name',
      }
    const source = rule.from && [rule.from].flat()[0]
    if (source !== undefined && source !== 'tenant' && reservedClaims.has(source))
      return {
        path: ['from'],
        problem: `"${source}" is not a claim of the user, but of the sign-in or the token`,
        expected: 'a claim of the user, such as groups, roles or tenant',
        fix: 'name a claim of the user',
      }
    if ((rule.from === undefined) === (rule.value === undefined))
      return {
        problem: rule.from === undefined ? 'it gives no value' : 'it has "from" and "value"',
        expected: '"from" or "value"',
        fix:
          rule.from === undefined
            ? 'add "from": "…" with a claim of the user, or "value": … for a fixed value'
            : 'remove one of the two',
      }
    const without = rule.from === undefined && fromOnly.find(key => rule[key] !== undefined)
    return without
      ? {
          path: [without],
          problem: 'it changes values of a claim, and this rule has a fixed value',
          expected: '"from" beside it',
          fix: `remove "${without}", or write "from" instead of "value"`,
        }
      : undefined
  })

type ClaimRuleDraft = s.output<typeof claimRuleSchema>

/** Finds rules without effect: an earlier rule already sets their claim, or a member of it, for every user. */
const unreachable = (entries: readonly (string | ClaimRuleDraft)[]): s.CheckError | undefined => {
  const settled: string[][] = []
  for (const [index, entry] of entries.entries()) {
    if (typeof entry === 'string') continue
    const target = [entry.claim].flat()
    if (settled.some(path => path.every((name, at) => name === target[at])))
      return {
        path: [index],
        problem: 'it has no effect: an earlier rule gives this claim to every user',
        expected: 'rules with conditions before the one without',
        fix: 'move it before the rule without if_group and if_role, or remove it',
      }
    const { value, list, if_group, if_role } = entry
    const isText = value !== undefined && typeof value !== 'object' && !list
    if (isText && if_group === undefined && if_role === undefined) settled.push(target)
  }
  return undefined
}

/** Claims of a scope or an API: names, and rules. */
export const claimEntries = () =>
  s
    .array(s.union([claim(), claimRuleSchema]))
    .max(200)
    .check(unreachable)

/** Rules of a client. */
export const claimRules = () => s.array(claimRuleSchema).max(100).check(unreachable)

export const entryOf = (draft: string | ClaimRuleDraft): ClaimEntry =>
  typeof draft === 'string' ? draft : ruleOf(draft)

export const ruleOf = ({ claim, from, if_group, if_role, ...rest }: ClaimRuleDraft): ClaimRule =>
  defined({
    ...rest,
    claim: pathOf(claim),
    from: from === undefined ? undefined : pathOf(from),
    if_group: if_group === undefined ? undefined : [if_group].flat(),
    if_role: if_role === undefined ? undefined : [if_role].flat(),
  })

const pathOf = (written: string | readonly string[]): ClaimPath => [written].flat() as unknown as ClaimPath
