/** Settings of stored accounts. */

export type PasswordPolicy = {
  /** Characters. */
  readonly min_length: number
}

/** The reason why a password is rejected. */
export type PasswordProblem = 'too_short' | 'too_long' | 'too_common' | 'like_name'

export type AccountSettings = {
  /** Whether the store may contain users. */
  readonly stored: boolean
  /** Whether people can create an account that belongs to no tenant. */
  readonly signUp: boolean
  /** `required`: the account is created when its address is verified, and the address is the user name. */
  readonly emailVerification: 'required' | 'optional' | 'off'
  readonly passwordReset: boolean
  readonly passwordPolicy: PasswordPolicy
  /** Whether users can delete their own account. */
  readonly selfDeletion: boolean
  /** Selects what is revoked when a password changes or a user is disabled: only sessions, or every token too. */
  readonly changeEnds: 'everything' | 'sessions'
}
