/** What is wrong in a configuration, and what to do about it: every fault and warning has this form. */

export type Fault = {
  /** `clients[2].redirect_uris[0]`, or a flag, a variable or a file; never a value. */
  readonly path: string
  /** Whose entry it is: `client "web"`. */
  readonly subject?: string
  readonly problem: string
  readonly expected: string
  /** The known key or name that was probably meant. */
  readonly nearest?: string
  readonly fix: string
}

/** `['clients', 2, 'scope']` → `clients[2].scope`. */
export const formatPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`,
    '',
  )

/** Three lines for a terminal: what is wrong and where, what was expected, what to do. */
export const formatFault = (fault: Fault): string =>
  [
    `${[fault.path, fault.subject && `(${fault.subject})`].filter(Boolean).join(' ')}: ${fault.problem}`,
    `    expected: ${fault.expected}${fault.nearest === undefined ? '' : `; did you mean "${fault.nearest}"?`}`,
    `    fix:      ${fault.fix}`,
  ].join('\n')

/** Brings the faults of one entry together; entries stay in the order in which they were first found. */
export const groupFaults = (faults: readonly Fault[]): readonly Fault[] =>
  [...Map.groupBy(faults, fault => fault.path.split('.', 1)[0]).values()].flat()
