import { t } from 'elysia'
import { emailMaxLength, emailPattern, passwordMaxLength, passwordMinLength } from '../features/accounts/rules.ts'
import { namePattern, usernameMaxLength } from '../features/accounts/usernames.ts'

// Fields that several documents ask of a user, with the sentences of 001.

/** A username: also the name of the user's own team. */
export const usernameField = t.String({
  pattern: namePattern,
  maxLength: usernameMaxLength,
  title: 'name is required',
  error: `name must begin with a letter and have at most ${usernameMaxLength} letters, digits, - and _`,
  examples: ['ada']
})

export const emailField = t.String({
  pattern: emailPattern,
  minLength: 3,
  maxLength: emailMaxLength,
  title: 'Email is required',
  error: 'Invalid email format',
  examples: ['ada@example.org']
})

export const passwordField = t.String({
  minLength: passwordMinLength,
  maxLength: passwordMaxLength,
  title: 'Password is required',
  error: `Password must have between ${passwordMinLength} and ${passwordMaxLength} characters`,
  examples: ['correct horse battery']
})

/** A display name: any text without control characters. */
export const displayNameField = t.String({
  minLength: 1,
  maxLength: 100,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  error: 'Name must be a text of 1 to 100 characters',
  examples: ['Ada Lovelace']
})
