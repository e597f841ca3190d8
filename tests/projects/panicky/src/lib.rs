use pyo3::prelude::*;

/// Panics, as a bug would.
#[pyfunction]
fn fall_over() {
    panic!("on purpose");
}

/// Something to time: how many of the first numbers are prime.
#[pyfunction]
fn primes(below: u64) -> usize {
    (2..below)
        .filter(|number| (2..).take_while(|divisor| divisor * divisor <= *number).all(|divisor| number % divisor != 0))
        .count()
}

/// The console script.
#[pyfunction]
fn main() {
    println!("panicky {}", env!("CARGO_PKG_VERSION"));
}

#[pymodule]
fn panicky(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fall_over, module)?)?;
    module.add_function(wrap_pyfunction!(primes, module)?)?;
    module.add_function(wrap_pyfunction!(main, module)?)
}
