/** What users may do with accounts that are kept here, as the configuration says. */

export type PasswordPolicy = {
  /** Characters. */
  readonly min_length: number
}

/** Why a password may not be chosen. */
export type PasswordProblem = 'too_short' | 'too_long' | 'too_common' | 'like_name'

export type AccountSettings = {
  /** Whether the store may hold users at all, whoever adds them. */
  readonly stored: boolean
  /** Whether people may make an account of no tenant. */
  readonly signUp: boolean
  /** `required`: an account comes to be once its address is verified, and is called by it. */
  readonly emailVerification: 'required' | 'optional' | 'off'
  readonly passwordReset: boolean
  readonly passwordPolicy: PasswordPolicy
  /** Whether users may delete their own account. */
  readonly selfDeletion: boolean
  /** What falls when a user's password changes or the user is disabled: sessions as they end, or every token too. */
  readonly changeEnds: 'everything' | 'sessions'
}
