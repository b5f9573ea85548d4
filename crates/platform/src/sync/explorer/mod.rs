//! The explorer's locks, condition variables, threads and clock: those of `shuttle`, and what it lacks.
//!
//! Shuttle runs all threads of an execution in one thread of the system, and decides at each operation
//! on a lock or an atomic who goes on. It knows neither time nor waits that time out; here time is a
//! number that moves when a wait does time out, always the one with the earliest deadline.

pub mod rustix;
pub mod thread;

use shuttle::rand::RngCore;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::{Add, AddAssign, Deref, DerefMut, Sub, SubAssign};
use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult};
use std::time::Duration;

pub use shuttle::sync::atomic;

/// For how many turns a wait that may time out lets others go on before it counts them as blocked.
const IDLE_TURNS: u32 = 400;

/// A lock of the explorer's.
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

/// Who has it may use what the lock guards.
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    held: shuttle::sync::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    /// As [`std::sync::Mutex::new`].
    pub const fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    /// As [`std::sync::Mutex::try_lock`].
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(held) => Ok(MutexGuard { mutex: self, held }),
            Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
            Err(TryLockError::Poisoned(poisoned)) => {
                let held = poisoned.into_inner();
                Err(PoisonError::new(MutexGuard { mutex: self, held }).into())
            }
        }
    }

    /// As [`std::sync::Mutex::lock`].
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        match self.0.lock() {
            Ok(held) => Ok(MutexGuard { mutex: self, held }),
            Err(poisoned) => {
                Err(PoisonError::new(MutexGuard { mutex: self, held: poisoned.into_inner() }))
            }
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex")
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.held
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.held
    }
}

/// A condition variable whose waits can time out.
#[derive(Default)]
pub struct Condvar {
    /// Never locked while a thread of the execution gives way to another.
    waiting: std::sync::Mutex<Vec<Arc<Waiter>>>,
}

struct Waiter {
    thread: shuttle::thread::Thread,
    woken: std::sync::atomic::AtomicBool,
}

/// Whether a wait timed out.
#[derive(Clone, Copy, Debug)]
pub struct WaitTimeoutResult(bool);

#[allow(dead_code, reason = "the standard library's has it")]
impl WaitTimeoutResult {
    /// True if the time was over.
    pub fn timed_out(self) -> bool {
        self.0
    }
}

type TimedWait<'a, T> = LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>;

impl Condvar {
    /// As [`std::sync::Condvar::new`].
    pub const fn new() -> Self {
        Self { waiting: std::sync::Mutex::new(Vec::new()) }
    }

    /// As [`std::sync::Condvar::wait`], which may wake up without a notification too.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let (mutex, waiter) = self.begin(guard);
        if is_hasty() && pick(8) == 0 {
            // Without a reason, as the system may.
            pause();
            self.known().retain(|other| !Arc::ptr_eq(other, &waiter));
            return mutex.lock();
        }
        while !waiter.is_woken() {
            shuttle::thread::park();
        }
        mutex.lock()
    }

    /// As [`std::sync::Condvar::wait_while`].
    pub fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`std::sync::Condvar::wait_timeout`].
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> TimedWait<'a, T> {
        let (mutex, waiter) = self.begin(guard);
        let timed_out = !wait_until(deadline_in(limit), || waiter.is_woken());
        if timed_out {
            self.known().retain(|other| !Arc::ptr_eq(other, &waiter));
        }
        let timed_out = WaitTimeoutResult(timed_out);
        match mutex.lock() {
            Ok(guard) => Ok((guard, timed_out)),
            Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), timed_out))),
        }
    }

    /// As [`std::sync::Condvar::wait_timeout_while`].
    pub fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> TimedWait<'a, T> {
        let deadline = deadline_in(limit);
        while condition(&mut guard) {
            let left = deadline.saturating_sub(now());
            if left.is_zero() {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            guard = self.wait_timeout(guard, left)?.0;
        }
        Ok((guard, WaitTimeoutResult(false)))
    }

    /// As [`std::sync::Condvar::notify_one`].
    #[track_caller]
    pub fn notify_one(&self) {
        let place = Notification::here(false);
        pause();
        if place.is(Wrong::Silent) {
            return;
        }
        self.wake_one();
    }

    fn wake_one(&self) {
        let mut waiting = self.known();
        if !waiting.is_empty() {
            let chosen = pick(waiting.len());
            let waiter = waiting.remove(chosen);
            drop(waiting);
            waiter.wake();
        }
    }

    /// As [`std::sync::Condvar::notify_all`].
    #[track_caller]
    pub fn notify_all(&self) {
        let place = Notification::here(true);
        pause();
        if place.is(Wrong::Silent) {
            return;
        }
        if place.is(Wrong::WakesOne) {
            return self.wake_one();
        }
        let woken = std::mem::take(&mut *self.known());
        for waiter in &woken {
            waiter.woken.store(true, std::sync::atomic::Ordering::SeqCst);
        }
        woken.iter().for_each(|waiter| waiter.wake());
    }

    /// Counts this thread as waiting and lets go of the lock.
    fn begin<'a, T>(&self, guard: MutexGuard<'a, T>) -> (&'a Mutex<T>, Arc<Waiter>) {
        // A notification that comes now, by somebody who does not hold the lock, is lost.
        pause();
        let waiter = Arc::new(Waiter {
            thread: shuttle::thread::current(),
            woken: std::sync::atomic::AtomicBool::new(false),
        });
        self.known().push(Arc::clone(&waiter));
        let mutex = guard.mutex;
        drop(guard);
        (mutex, waiter)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Waiter>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condvar")
    }
}

impl Waiter {
    fn is_woken(&self) -> bool {
        self.woken.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn wake(&self) {
        self.woken.store(true, std::sync::atomic::Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// When waits time out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timers {
    /// Only when nobody else can go on: what depends on a time-out shows as time that has passed.
    Patient,
    /// Also while others are at work, as on a machine that is busy. And waits end without a reason.
    Hasty,
}

/// A place in the source that wakes who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notification {
    /// The source file, as the compiler was given it.
    pub file: &'static str,
    /// The line in it.
    pub line: u32,
    /// Everybody, not only one.
    pub to_all: bool,
}

/// What is made wrong, to see whether exploring finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing: the code as it is.
    Nothing,
    /// This notification wakes nobody.
    Silent(Notification),
    /// This one, which is for all, wakes one.
    WakesOne(Notification),
}

impl Notification {
    #[track_caller]
    fn here(to_all: bool) -> Self {
        let place = std::panic::Location::caller();
        let this = Self { file: place.file(), line: place.line(), to_all };
        CLOCK.with(|clock| {
            let mut met = clock.notifications.borrow_mut();
            if !met.contains(&this) {
                met.push(this);
            }
        });
        this
    }

    fn is(self, wrong: impl Fn(Self) -> Wrong) -> bool {
        CLOCK.with(|clock| clock.wrong.get()) == wrong(self)
    }
}

/// What is wrong in this execution.
pub fn spoil(wrong: Wrong) {
    CLOCK.with(|clock| clock.wrong.set(wrong));
}

/// The notifications that executions have come by.
pub fn notifications() -> Vec<Notification> {
    CLOCK.with(|clock| clock.notifications.borrow().clone())
}

thread_local! {
    /// Of the execution that this thread of the system is running.
    static CLOCK: Clock = const { Clock {
        now: Cell::new(Duration::ZERO),
        deadlines: RefCell::new(Vec::new()),
        hasty: Cell::new(false),
        refused_threads: Cell::new(0),
        wrong: Cell::new(Wrong::Nothing),
        notifications: RefCell::new(Vec::new()),
    } };
}

struct Clock {
    now: Cell<Duration>,
    /// Of all waits that may time out.
    deadlines: RefCell<Vec<Duration>>,
    hasty: Cell<bool>,
    /// Of the next threads, one in so many is refused; 0: none.
    refused_threads: Cell<usize>,
    wrong: Cell<Wrong>,
    notifications: RefCell<Vec<Notification>>,
}

/// To be called at the beginning of each execution.
pub fn explore_with(timers: Timers) {
    CLOCK.with(|clock| {
        clock.now.set(Duration::ZERO);
        clock.deadlines.borrow_mut().clear();
        clock.hasty.set(timers == Timers::Hasty);
        clock.refused_threads.set(0);
    });
}

/// From now on, one thread in `one_in` cannot be started.
pub fn refuse_threads(one_in: usize) {
    CLOCK.with(|clock| clock.refused_threads.set(one_in));
}

/// Lets other threads go on, or not.
pub fn pause() {
    // Outside of an execution, nobody else is there: what a failed one left is dropped then.
    if !std::thread::panicking() {
        shuttle::thread::sleep(Duration::ZERO);
    }
}

/// Any number below `count`; the explorer chooses.
pub fn pick(count: usize) -> usize {
    let random = shuttle::rand::thread_rng().next_u64();
    usize::try_from(random % count as u64).unwrap_or(0)
}

fn is_hasty() -> bool {
    CLOCK.with(|clock| clock.hasty.get())
}

fn now() -> Duration {
    CLOCK.with(|clock| clock.now.get())
}

fn deadline_in(limit: Duration) -> Duration {
    now().saturating_add(limit)
}

/// Whether `done` was so before `deadline` was the next thing to happen.
fn wait_until(deadline: Duration, done: impl Fn() -> bool) -> bool {
    CLOCK.with(|clock| clock.deadlines.borrow_mut().push(deadline));
    let hasty = CLOCK.with(|clock| clock.hasty.get());
    let mut turns =
        if hasty && pick(3) == 0 { u32::try_from(pick(6)).unwrap_or(0) } else { IDLE_TURNS };
    let in_time = loop {
        if done() {
            break true;
        }
        let is_next = CLOCK.with(|clock| clock.deadlines.borrow().iter().all(|it| *it >= deadline));
        if is_next && turns == 0 {
            break false;
        }
        turns = if is_next { turns - 1 } else { turns.max(1) };
        shuttle::thread::yield_now();
    };
    CLOCK.with(|clock| {
        let mut deadlines = clock.deadlines.borrow_mut();
        if let Some(place) = deadlines.iter().position(|it| *it == deadline) {
            deadlines.swap_remove(place);
        }
        if !in_time {
            clock.now.set(clock.now.get().max(deadline));
        }
    });
    in_time
}

/// A moment of the explorer's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    /// As [`std::time::Instant::now`], in the explorer's time.
    pub fn now() -> Self {
        Self(now())
    }

    /// As [`std::time::Instant::elapsed`], in the explorer's time.
    pub fn elapsed(&self) -> Duration {
        now().saturating_sub(self.0)
    }

    /// As [`std::time::Instant::duration_since`], in the explorer's time.
    pub fn duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// As [`std::time::Instant::saturating_duration_since`], in the explorer's time.
    pub fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// As [`std::time::Instant::checked_sub`], in the explorer's time, which has nothing before its start.
    pub fn checked_sub(&self, before: Duration) -> Option<Self> {
        self.0.checked_sub(before).map(Self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(after))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, after: Duration) {
        *self = *self + after;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, before: Duration) {
        self.0 = self.0.saturating_sub(before);
    }
}
