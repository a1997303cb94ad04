/** Types of the application under test. */

export declare function startApp(options: {
  readonly issuer: string
  readonly clientId?: string
  readonly clientSecret?: string
}): Promise<{ readonly url: string; readonly close: () => Promise<void> }>
