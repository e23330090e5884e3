//! Every op, over shapes, broadcasts and layouts: values against `ndarray`, gradients of first and second order against
//! differences, pointwise ops against dual numbers. An op that is in no list makes a test fail.

mod cases;
mod choices;
mod controls;
mod coverage;
mod gradients;
mod pointwise;
mod support;
mod values;
