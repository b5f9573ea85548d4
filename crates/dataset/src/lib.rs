//! PS3.5, PS3.6 and PS3.10: data sets as bytes in, bytes out.
