/**
 * Stand-in for the part of `jsr:@std/assert` that the tests use, for machines that cannot reach JSR.
 *
 * A strict subset: what passes or fails here passes or fails there; only the wording of failures differs.
 *
 * @module
 */
import { inspect } from "node:util";
import { AssertionError } from "./assertion_error.ts";
import { equal } from "./equal.ts";

export { AssertionError } from "./assertion_error.ts";
export { assertRejects, assertThrows } from "./throws.ts";

/** The values that a condition takes as false. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** Asserts that `condition` is truthy. */
export function assert(condition: unknown, message?: string): asserts condition {
  check(Boolean(condition), `Expected a truthy value, found ${show(condition)}`, message);
}

/** Asserts that `condition` is falsy. */
export function assertFalse(condition: unknown, message?: string): asserts condition is Falsy {
  check(!condition, `Expected a falsy value, found ${show(condition)}`, message);
}

/** Asserts that both values are deeply equal; NaN equals NaN, and 0 equals -0. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  check(equal(actual, expected), `Expected ${show(expected)}, found ${show(actual)}`, message);
}

/** Asserts that the values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  check(!equal(actual, expected), `Expected a value other than ${show(expected)}`, message);
}

/** Asserts that both values are the same by `Object.is`. */
export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): asserts actual is T {
  check(Object.is(actual, expected), `Expected the very ${show(expected)}, found ${show(actual)}`, message);
}

/** Asserts that two numbers differ by at most `tolerance`, by default 1e-7 of the expected value. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  message?: string,
): void {
  const allowed = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const difference = Math.abs(expected - actual);
  check(
    Object.is(actual, expected) || difference <= allowed,
    `Expected ${actual} to be within ${allowed} of ${expected}, found a difference of ${difference}`,
    message,
  );
}

/** Asserts that `actual` is neither `null` nor `undefined`. */
export function assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T> {
  check(actual !== null && actual !== undefined, `Expected a value, found ${actual}`, message);
}

/** Asserts that `actual` is greater than `expected`. */
export function assertGreater<T>(actual: T, expected: T, message?: string): void {
  check(actual > expected, `Expected ${show(actual)} > ${show(expected)}`, message);
}

/** Asserts that `actual` is greater than or equal to `expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void {
  check(actual >= expected, `Expected ${show(actual)} >= ${show(expected)}`, message);
}

/** Asserts that `actual` is less than `expected`. */
export function assertLess<T>(actual: T, expected: T, message?: string): void {
  check(actual < expected, `Expected ${show(actual)} < ${show(expected)}`, message);
}

/** Asserts that `actual` is less than or equal to `expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void {
  check(actual <= expected, `Expected ${show(actual)} <= ${show(expected)}`, message);
}

/** Asserts that `actual` was made by the class `expected` or a class derived from it. */
export function assertInstanceOf<T>(
  actual: unknown,
  expected: abstract new (...args: never[]) => T,
  message?: string,
): asserts actual is T {
  check(
    actual instanceof expected,
    `Expected an instance of ${expected.name}, found ${show(actual)}`,
    message,
  );
}

/** Asserts that the text matches the pattern. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  check(expected.test(actual), `Expected ${show(actual)} to match ${expected}`, message);
}

/** Asserts that the text contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  check(actual.includes(expected), `Expected ${show(actual)} to contain ${show(expected)}`, message);
}

/** Fails the test. */
export function fail(message?: string): never {
  throw new AssertionError(message === undefined ? "Failed" : `Failed: ${message}`);
}

/** Fails the test as a place was reached that should never be. */
export function unreachable(reason?: string): never {
  throw new AssertionError(reason === undefined ? "Unreachable" : `Unreachable: ${reason}`);
}

function check(holds: boolean, what: string, message: string | undefined): asserts holds {
  if (!holds) throw new AssertionError(message === undefined ? what : `${what}: ${message}`);
}

function show(value: unknown): string {
  return inspect(value, { depth: 6, maxArrayLength: 64, maxStringLength: 4000, breakLength: 100 });
}
